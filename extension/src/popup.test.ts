// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";
import type { State, ToPopup } from "./messages.ts";
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
  const port = {
    postMessage: () => undefined,
    onMessage: { addListener: (listener: typeof hear) => (hear = listener) },
    onDisconnect: { addListener: () => undefined },
  };
  vi.stubGlobal("chrome", {
    i18n: { getMessage: (name: string) => name, getUILanguage: () => "en" },
    tabs: { query: async () => [{ id: 1 }] },
    runtime: { connect: () => port },
  });
  document.body.innerHTML = `<header><button></button></header><main></main><footer hidden><input type="search"></footer>`;
  vi.resetModules();
  await import("./popup.ts");
  await vi.advanceTimersByTimeAsync(0);
  return {
    hear: (message: ToPopup) => hear(message),
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
