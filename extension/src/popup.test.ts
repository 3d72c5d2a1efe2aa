// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";
import type { FromPopup, State, ToPopup } from "./messages.ts";
import { ARM_AFTER } from "./view.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const account = {
  handle: "h",
  issuer: "A",
  account: "alice",
  strength: "bound",
  type: "totp",
  digits: 6,
  period: 30,
  append: false,
  submit: false,
  ask: false,
  recovery: 0,
};
const page = { is: "page", host: "a.example", kind: "totp", accounts: [account] } as State;

/** A popup whose background is played by the test. */
async function open() {
  vi.useFakeTimers();
  let hear: (message: ToPopup) => void = () => undefined;
  const sent: FromPopup[] = [];
  const port = {
    postMessage: (message: FromPopup) => void sent.push(message),
    onMessage: { addListener: (listener: typeof hear) => (hear = listener) },
    onDisconnect: { addListener: () => undefined },
  };
  vi.stubGlobal("chrome", {
    i18n: { getMessage: (name: string, parts: string[]) => [name, ...parts].join(" "), getUILanguage: () => "en" },
    tabs: { query: async () => [{ id: 1 }] },
    runtime: { connect: () => port },
  });
  document.body.innerHTML = `<header><button></button></header><main></main><footer hidden><input type="search"></footer>`;
  vi.resetModules();
  await import("./popup.ts");
  await vi.advanceTimersByTimeAsync(0);
  return {
    hear: (message: ToPopup) => hear(message),
    sent,
    dead: () => document.querySelector(".primary")?.ariaDisabled === "true",
  };
}

test("each new state is armed only after its own time", async () => {
  const { hear, dead } = await open();
  hear({ type: "state", number: 1, state: page, pageCaused: true });
  await vi.advanceTimersByTimeAsync(ARM_AFTER - 100);
  hear({ type: "state", number: 2, state: { ...page }, pageCaused: true });
  await vi.advanceTimersByTimeAsync(ARM_AFTER - 100);
  expect(dead()).toBe(true);
  await vi.advanceTimersByTimeAsync(100);
  expect(dead()).toBe(false);
});

test("the button that copies a code after a failed fill is dead until the popup is armed", async () => {
  const { hear, dead } = await open();
  hear({ type: "state", number: 1, state: page, pageCaused: true });
  hear({ type: "failed", problem: "rejected" });
  expect(document.querySelector(".primary")?.textContent).toBe("copy");
  expect(dead()).toBe(true);
  await vi.advanceTimersByTimeAsync(ARM_AFTER);
  expect(dead()).toBe(false);
});

test("U11 the background is told of a code that was copied, and of none that was not", async () => {
  const { hear, sent } = await open();
  hear({ type: "state", number: 1, state: page, pageCaused: false });
  const write = vi.spyOn(navigator.clipboard, "writeText");
  for (const [code, may] of [
    ["111111", false],
    ["222222", true],
  ] as const) {
    write.mockImplementation(async () => (may ? undefined : Promise.reject(new Error("no focus"))));
    hear({ type: "code", handle: "h", purpose: "copy", code, expiresAt: 0 });
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(sent.filter(({ type }) => type === "copied")).toEqual([{ type: "copied", code: "222222" }]);
});

const offered: Extract<ToPopup, { type: "offers" }> = {
  type: "offers",
  offers: [{ ticket: "t", issuer: "A", account: "", type: "totp", algorithm: "SHA1", digits: 6, period: 30 }],
  others: 0,
};

test.each([1, 2])(
  "with %s accounts of an export that was not read whole, the popup says which parts were",
  async (n) => {
    const { hear } = await open();
    hear({ type: "state", number: 1, state: page, pageCaused: false });
    const offers = Array.from({ length: n }, () => offered.offers).flat();
    hear({ ...offered, offers, parts: { read: [1, 3], size: 4 } });
    expect(document.querySelector(".parts")?.textContent).toBe("offers_part 1, 3 4");
    hear({ ...offered, offers });
    expect(document.querySelector(".parts")).toBe(null);
  },
);

test("what the user typed stays when the button that saves it comes alive", async () => {
  const { hear, dead } = await open();
  hear({ type: "state", number: 1, state: page, pageCaused: false });
  hear(offered);
  expect(dead()).toBe(true);
  const input = () => document.querySelector<HTMLInputElement>("input[name=account]");
  input()?.focus();
  input()?.setAttribute("value", "");
  Object.assign(input() ?? {}, { value: "alice" });
  await vi.advanceTimersByTimeAsync(ARM_AFTER);
  expect(dead()).toBe(false);
  expect(input()?.value).toBe("alice");
  expect(document.activeElement).toBe(input());
});

test("a setup key stays in no field once it was sent", async () => {
  const { hear, sent } = await open();
  hear({ type: "state", number: 1, state: { ...page, kind: "enroll", accounts: [] } as State, pageCaused: false });
  const input = () => document.querySelector<HTMLInputElement>("input[name=key]");
  const typed = input();
  Object.assign(typed ?? {}, { value: " JBSW Y3DP " });
  const enter = new KeyboardEvent("keydown", { key: "Enter", bubbles: true });
  Object.defineProperty(enter, "isTrusted", { value: true });
  typed?.dispatchEvent(enter);
  expect(sent.at(-1)).toEqual({ type: "text", text: "JBSW Y3DP" });
  expect(typed?.value).toBe("");
  hear({ type: "failed", problem: "not_otp" });
  expect(input()?.value).toBe("");
});
