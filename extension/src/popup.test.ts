// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";
import type { FromPopup, State, ToPopup } from "./messages.ts";
import { ARM_AFTER } from "./view.ts";

const listened: [string, EventListener][] = []; // what the popup listens to in the document, which outlives it here

afterEach(() => {
  for (const [type, listener] of listened.splice(0)) document.removeEventListener(type, listener);
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
  let end: () => void = () => undefined;
  const sent: FromPopup[] = [];
  const port = {
    postMessage: (message: FromPopup) => void sent.push(message),
    onMessage: { addListener: (listener: typeof hear) => (hear = listener) },
    onDisconnect: { addListener: (listener: typeof end) => (end = listener) },
  };
  vi.stubGlobal("chrome", {
    i18n: { getMessage: (name: string, parts: string[]) => [name, ...parts].join(" "), getUILanguage: () => "en" },
    tabs: { query: async () => [{ id: 1 }] },
    runtime: { connect: () => port },
  });
  document.body.innerHTML = `<header><button></button></header><main></main><footer hidden><input type="search"></footer>`;
  vi.resetModules();
  const listens = vi.spyOn(document, "addEventListener");
  await import("./popup.ts");
  listened.push(...(listens.mock.calls as typeof listened));
  listens.mockRestore();
  await vi.advanceTimersByTimeAsync(0);
  const main = () => document.querySelector<HTMLElement>(".primary");
  return {
    hear: (message: ToPopup) => hear(message),
    end: () => end(),
    sent,
    main,
    dead: () => main()?.ariaDisabled === "true",
    /** Has an event happen at the main button, or at another place. */
    act: (of: Event, trusted = true, at: EventTarget | null = main()) => {
      Object.defineProperty(of, "isTrusted", { value: trusted });
      return at?.dispatchEvent(of);
    },
  };
}

const click = () => new MouseEvent("click", { bubbles: true });
const enter = (type = "keydown", repeat = false) =>
  new KeyboardEvent(type, { key: "Enter", bubbles: true, cancelable: true, repeat });

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

const fills = (sent: readonly FromPopup[]) => sent.filter(({ type }) => type === "fill" || type === "code").length;

test("nothing but a real act of the user confirms: no event of a script, no key that is held, or was pressed before", async () => {
  const { hear, sent, act } = await open();
  hear({ type: "state", number: 1, state: page, pageCaused: false });
  const row = document.querySelector(".account");
  for (const at of [undefined, row, document.body]) {
    act(click(), false, at);
    act(enter(), false, at);
    act(enter("keyup"), true, at);
    for (let i = 0; i < 50; i++) act(enter("keydown", true), true, at);
  }
  expect(act(enter("keydown", true))).toBe(false); // the browser makes no click of it
  expect(fills(sent)).toBe(0);
  expect(act(enter())).toBe(true); // of this it does
  act(click());
  act(click());
  act(enter(), true, document.body);
  expect(fills(sent)).toBe(1);
});

test("a double click that begins a fill ends on no button that gives a code, even where the fill fails between", async () => {
  const { hear, sent, main, act } = await open();
  hear({ type: "state", number: 1, state: page, pageCaused: false });
  act(click());
  hear({ type: "failed", problem: "covered" });
  expect(main()?.textContent).toBe("copy");
  act(click());
  expect(fills(sent)).toBe(1);
  await vi.advanceTimersByTimeAsync(ARM_AFTER);
  act(click());
  expect(fills(sent)).toBe(2);
});

test("E22 Escape while a code is on its way is left to the browser, which closes the popup", async () => {
  const { hear, act, main } = await open();
  hear({ type: "state", number: 1, state: page, pageCaused: false });
  const esc = () =>
    act(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true }), true, document.body);
  act(click());
  expect(esc()).toBe(true);
  hear({ type: "failed", problem: "rejected" });
  expect(esc()).toBe(false);
  expect(main()?.textContent).toContain("fill_button");
});

test("whatever comes under the pointer while the popup is not armed makes it wait anew", async () => {
  const { hear, dead } = await open();
  hear({ type: "state", number: 1, state: page, pageCaused: true });
  await vi.advanceTimersByTimeAsync(ARM_AFTER - 100);
  hear({ type: "sheet", handle: "h", sheet: { count: 1, first: "a", last: "a" } }); // nothing that is shown
  await vi.advanceTimersByTimeAsync(100);
  expect(dead()).toBe(false);
  hear(offered);
  await vi.advanceTimersByTimeAsync(ARM_AFTER - 100);
  hear({ ...offered, offers: [...offered.offers].map((each) => ({ ...each, issuer: "B" })) });
  await vi.advanceTimersByTimeAsync(ARM_AFTER - 100);
  expect(dead()).toBe(true);
  await vi.advanceTimersByTimeAsync(100);
  expect(dead()).toBe(false);
});

test("E24 a background that was ended before the first state does not arm the popup at once", async () => {
  const { hear, end, dead } = await open();
  end();
  await vi.advanceTimersByTimeAsync(200);
  hear({ type: "state", number: 1, state: page, pageCaused: false });
  expect(dead()).toBe(true);
  await vi.advanceTimersByTimeAsync(ARM_AFTER);
  expect(dead()).toBe(false);
});

test("U1 no screen of the popup has a field for a password", async () => {
  const { hear } = await open();
  const kinds = ["totp", "otp-any", "otp-sms", "otp-email", "recovery-code", "enroll", "none"] as const;
  const states: State[] = [
    { is: "locked" },
    { is: "closed", reload: false },
    ...(["vault_missing", "vault_locked", "unlock_failed", "host_missing"] as const).map(
      (problem) => ({ is: "problem", problem }) as const,
    ),
    ...kinds.map((kind) => ({ ...page, kind }) as State),
  ];
  const { have: _, ...offer } = { have: undefined, ...offered.offers[0] } as (typeof offered.offers)[0];
  const later: ToPopup[] = [
    { type: "offers", offers: [offer], others: 0 },
    { type: "offers", offers: [{ ...offer, have: account as never }], others: 0 },
    { type: "saved", account: account as never },
    { type: "code", handle: "h", purpose: "show", code: "123456", expiresAt: 0, account: account as never },
    ...(["vault_locked", "unlock_failed", "declined", "rejected", "no_qr"] as const).map(
      (problem) => ({ type: "failed", problem }) as const,
    ),
  ];
  const seen = new Set<string>();
  const scan = () => {
    for (const input of document.querySelectorAll("input")) seen.add(`${input.type} ${input.name}`);
    expect(document.querySelectorAll("textarea, [contenteditable]")).toHaveLength(0);
  };
  for (const state of states) {
    hear({ type: "state", number: 1, state, pageCaused: false });
    scan();
    for (const each of later) {
      hear(each);
      scan();
    }
  }
  expect([...seen].sort()).toEqual(["search ", "text account", "text issuer", "text key"]);
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
  const { hear, sent, act } = await open();
  hear({ type: "state", number: 1, state: { ...page, kind: "enroll", accounts: [] } as State, pageCaused: false });
  const input = () => document.querySelector<HTMLInputElement>("input[name=key]");
  const typed = input();
  Object.assign(typed ?? {}, { value: " JBSW Y3DP " });
  act(enter(), true, typed);
  expect(sent.at(-1)).toEqual({ type: "text", text: "JBSW Y3DP" });
  expect(typed?.value).toBe("");
  hear({ type: "failed", problem: "not_otp" });
  expect(input()?.value).toBe("");
});

test("a notice of foul play takes no focus from what is done with the keys", async () => {
  const { hear, main } = await open();
  hear({ type: "state", number: 1, state: page, pageCaused: false });
  hear({ type: "foul" });
  expect(document.querySelector(".foul")?.textContent).toContain("sync_foul");
  expect(document.activeElement).toBe(main());
  hear({ type: "state", number: 2, state: { ...page, kind: "none" } as State, pageCaused: false });
  expect(document.activeElement?.closest(".foul")).toBe(null);
});
