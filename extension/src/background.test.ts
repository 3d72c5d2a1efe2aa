import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FromPopup, ToPopup } from "./messages.ts";
import { VERSION } from "./protocol.ts";

const OWN = "us";

// Every host is the trusted one; trust.test.ts tells them apart.
vi.mock("./trust.ts", () => ({
  makeTrust: () => ({ challenge: () => "", judge: async (_: string, answer: unknown) => answer }),
}));

/** An event of the browser; say is called by the test. */
function event<A extends unknown[]>() {
  const listeners: ((...args: A) => void)[] = [];
  return {
    addListener: (listener: (...args: A) => void) => void listeners.push(listener),
    say: (...args: A) => listeners.forEach((listener) => listener(...args)),
  };
}

/** Both ends of a port: what the background sent, and what the test says. */
function port<T>(name: string, sender: object) {
  const sent: T[] = [];
  const onMessage = event<[unknown]>();
  const onDisconnect = event<[]>();
  const disconnect = vi.fn();
  const end = { name, sender, onMessage, onDisconnect, disconnect };
  const postMessage = (message: T) => void sent.push(message);
  return { sent, onMessage, onDisconnect, disconnect, end: { ...end, postMessage } };
}

/** A browser and a host that are played by the test, and the background between them. */
async function start() {
  const account = { handle: "h", issuer: "A", account: "a", strength: "bound", type: "totp", digits: 6, period: 30 };
  const world = {
    ask: false,
    hosts: 0,
    dies: false,
    popups: [] as number[],
    inView: (_tab: number) => true,
    scripts: 0,
    windows: new Map([
      [1, 10],
      [2, 10],
      [3, 20],
    ]),
    documents: new Map<number, string>(),
    reply: (method: string, _params?: unknown): object =>
      method === "host.hello"
        ? { result: { protocol: VERSION, vault: "open" } }
        : method === "accounts.match"
          ? { result: { host: "a.example", accounts: [{ ...account, ask: world.ask }] } }
          : { error: { code: "budget_used", message: "m" } },
  };
  const onConnect = event<[unknown]>();
  const onCommand = event<[string, { id: number }]>();
  const onMessage = event<[unknown, object]>();
  const ignored = { addListener: () => undefined };
  vi.stubGlobal("chrome", {
    runtime: {
      id: OWN,
      getURL: (path: string) => `chrome-extension://${OWN}/${path}`,
      getManifest: () => ({ version: "0.1.0" }),
      connectNative: () => {
        world.hosts++;
        const { end, onMessage, onDisconnect } = port<{ id: number; method: string; params?: unknown }>("", {});
        const answer = ({ id, method, params }: { id: number; method: string; params?: unknown }) =>
          queueMicrotask(() =>
            world.dies ? onDisconnect.say() : onMessage.say({ id, ...world.reply(method, params) }),
          );
        return { ...end, postMessage: answer };
      },
      onConnect, // and nothing for what comes from outside of the extension
      onMessage,
      onInstalled: ignored,
    },
    storage: { local: {} },
    tabs: {
      get: async (id: number) => ({ id, active: world.inView(id), windowId: world.windows.get(id) }),
      onRemoved: ignored,
    },
    webNavigation: {
      getAllFrames: async ({ tabId }: { tabId: number }) => [
        { frameId: 0, parentFrameId: -1, documentId: world.documents.get(tabId) },
      ],
      getFrame: async () => null,
    },
    scripting: {
      async executeScript() {
        world.scripts++;
        throw new Error("played by the test");
      },
    },
    action: {
      setBadgeText: async () => undefined,
      setBadgeBackgroundColor: async () => undefined,
      setBadgeTextColor: async () => undefined,
      openPopup: async ({ windowId }: { windowId: number }) => void world.popups.push(windowId),
    },
    commands: { onCommand },
    contextMenus: { onClicked: ignored },
  });
  vi.resetModules();
  await import("./background.ts");

  function show(tab: number, document: string) {
    world.documents.set(tab, document);
    const sender = { id: OWN, tab: { id: tab, incognito: false }, frameId: 0, origin: "https://a.example" };
    const page = port("page", { ...sender, documentId: document });
    onConnect.say(page.end);
    const say = async (message: object) => {
      page.onMessage.say(message);
      await settled();
    };
    const field = () => say({ type: "field", field: { number: 1, kind: "totp" }, focused: true });
    return { field, say, sent: page.sent as { type: string }[] };
  }
  async function popup(tab: number) {
    const { sent, end, onMessage, onDisconnect } = port<ToPopup>("popup", {
      id: OWN,
      url: `chrome-extension://${OWN}/popup.html`,
    });
    onConnect.say(end);
    const say = async (...messages: FromPopup[]) => {
      for (const message of messages) onMessage.say(message);
      await settled();
    };
    await say({ type: "open", tab });
    return { sent, say, close: onDisconnect.say };
  }
  const command = async (tab: number) => {
    onCommand.say("fill", { id: tab });
    await settled();
  };
  return { world, show, popup, command, connect: onConnect.say, message: onMessage.say };
}

const settled = () => vi.advanceTimersByTimeAsync(1);

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a host that dies at its start is not started again for each message of a page", async () => {
  const { world, show } = await start();
  world.dies = true;
  const page = show(1, "D");
  for (const _ of [1, 2, 3]) await page.field();
  expect(world.hosts).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  await page.field();
  expect(world.hosts).toBe(2);
});

test("a popup says that a page caused it, over whatever tab of that window", async () => {
  const { world, show, popup } = await start();
  const page = show(1, "D");
  await page.field();
  await page.say({ type: "open" });
  expect(world.popups).toEqual([10]);
  expect((await popup(3)).sent[0]).toMatchObject({ type: "state", pageCaused: false });
  expect((await popup(2)).sent[0]).toMatchObject({ type: "state", pageCaused: true });
  expect((await popup(2)).sent[0]).toMatchObject({ type: "state", pageCaused: false });
});

test("a popup that a page opened counts as such however long it takes to come", async () => {
  const { show, popup } = await start();
  const page = show(1, "D");
  await page.field();
  await page.say({ type: "open" });
  await vi.advanceTimersByTimeAsync(20_000);
  expect((await popup(1)).sent[0]).toMatchObject({ pageCaused: true });
});

test("the pages of a window open the popup once in 10 s, by however many tabs, and from the tab in view alone", async () => {
  const { world, show, message } = await start();
  const all = Array.from({ length: 30 }, (_, i) => 100 + i);
  for (const tab of all) world.windows.set(tab, 10);
  let inView = 100;
  world.inView = (tab) => tab === inView;
  const pages = all.map((tab) => show(tab, `D${tab}`));
  for (const each of pages) await each.field();
  async function click() {
    for (const each of pages) await each.say({ type: "open" });
  }
  await click();
  await click();
  expect(world.popups).toEqual([10]);
  inView = 101;
  await click();
  const tab = { id: 102, windowId: 10, active: true };
  message({ otpauth: "otpauth://totp/A?secret=AAAA" }, { id: OWN, tab, frameId: 0, origin: "https://a.example" });
  await settled();
  expect(world.popups).toEqual([10]);
  await vi.advanceTimersByTimeAsync(10_000);
  await click();
  await click();
  expect(world.popups).toEqual([10, 10]);
});

const ours = (path: string) => `chrome-extension://${OWN}/${path}`;
const inTab = { tab: { id: 1, incognito: false }, frameId: 0, documentId: "D" };

test.each([
  [
    "E8 the popup's document in a tab",
    "popup",
    { id: OWN, url: ours("popup.html"), origin: ours("").slice(0, -1), ...inTab },
  ],
  ["E8 the popup's document at another address", "popup", { id: OWN, url: ours("popup.html?tab=1") }],
  ["E9 another extension's popup", "popup", { id: "them", url: "chrome-extension://them/popup.html" }],
  [
    "E9 another extension in a page",
    "page",
    { id: "them", url: "https://a.example/", origin: "https://a.example", ...inTab },
  ],
  ["E9 a page, as the popup", "popup", { id: OWN, url: "https://a.example/", origin: "https://a.example", ...inTab }],
  [
    "E9 a page, as the options page",
    "options",
    { id: OWN, url: "https://a.example/", origin: "https://a.example", ...inTab },
  ],
  ["E9 a page without an extension", "popup", { url: "https://a.example/", origin: "https://a.example", ...inTab }],
])("%s is turned away, and the host is not asked", async (_name, name, sender) => {
  const { world, connect } = await start();
  const { end, disconnect, onMessage, sent } = port<ToPopup>(name, sender);
  connect(end);
  onMessage.say({ type: "open", tab: 1 });
  onMessage.say({ type: "code", handle: "h", purpose: "show" });
  onMessage.say({ type: "services", ask: 1 });
  await settled();
  expect(disconnect).toHaveBeenCalled();
  expect(sent).toEqual([]);
  expect(world.hosts).toBe(0);
});

test("E9 a message from outside of the extension does nothing", async () => {
  const { world, message } = await start();
  const says = (id: string | undefined) => {
    for (const each of ["load", "visit", { otpauth: "otpauth://totp/A?secret=AAAA" }])
      message(each, { id, tab: { id: 1, windowId: 10, active: true }, frameId: 0, origin: "https://a.example" });
    return settled();
  };
  await says("them");
  await says(undefined);
  expect([world.hosts, world.scripts]).toEqual([0, 0]);
  await says(OWN);
  expect([world.hosts > 0, world.scripts > 0]).toEqual([true, true]);
});

type World = Awaited<ReturnType<typeof start>>;

test.each<[string, number, (all: World, close: () => void) => unknown]>([
  ["nothing happens", 1, () => undefined],
  ["its popup is closed", 0, (_, close) => close()],
  ["another tab comes in view", 0, ({ world }) => (world.inView = () => false)],
  ["the tab is closed, and its number given to another", 0, ({ world }) => world.documents.set(1, "NEW")],
  ["the tab is closed", 0, ({ world }) => [world.documents.delete(1), world.windows.delete(1)]],
])("E22 between the host's code and the field %s", async (_name, fills, happens) => {
  const all = await start();
  const { world, show, popup } = all;
  const page = show(1, "D");
  await page.field();
  const { sent, say, close } = await popup(1);
  const { reply } = world;
  world.reply = (method) => {
    if (method !== "code.release") return reply(method);
    happens(all, close);
    return { result: { code: "123456", validFrom: 0, expiresAt: 9 } };
  };
  const [first] = sent;
  await say({ type: "fill", state: first?.type === "state" ? first.number : -1, handle: "h", allow: false });
  expect(page.sent.filter(({ type }) => type === "fill")).toHaveLength(fills);
});

test("a key that is held asks for one code", async () => {
  const { world, show, command } = await start();
  await show(1, "D").field();
  let asked = 0;
  const { reply } = world;
  world.reply = (method) => {
    if (method === "code.release") asked++;
    return reply(method);
  };
  for (let ms = 0; ms < 3000; ms += 500) {
    await command(1);
    await vi.advanceTimersByTimeAsync(500);
  }
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(1000);
  await command(1);
  expect(asked).toBe(2);
});

test.each([
  ["told by the popup that opens over its page", async () => {}, true],
  ["not told after 5 s", async () => vi.advanceTimersByTimeAsync(5000), false],
  ["not told over another page", async ({ show }: Awaited<ReturnType<typeof start>>) => show(1, "NEW").field(), false],
])("a fill that failed without a popup is %s", async (_name, meanwhile, told) => {
  const all = await start();
  const { show, command, popup } = all;
  await show(1, "D").field();
  await command(1);
  await meanwhile(all);
  const { sent } = await popup(1);
  expect(sent.map(({ type }) => type)).toEqual(told ? ["state", "failed"] : ["state"]);
});

test("a fill that was confirmed in an earlier state is refused", async () => {
  const { world, show, popup } = await start();
  await show(1, "D").field();
  const { sent, say } = await popup(1);
  const [first] = sent;
  expect(first).toMatchObject({ type: "state", state: { is: "page" } });
  const asked: string[] = [];
  const { reply } = world;
  world.reply = (method) => {
    asked.push(method);
    return reply(method);
  };
  const fill = (of: ToPopup | undefined) =>
    say({ type: "fill", state: of?.type === "state" ? of.number : -1, handle: "h", allow: false });
  await say({ type: "open", tab: 1 }, { type: "open", tab: 1 });
  const [, second, ...more] = sent.splice(0);
  expect(second).toMatchObject({ type: "state" });
  expect(more).toEqual([]); // of two at once, the popup gets the later one
  await fill(first);
  expect(sent).toEqual([{ type: "failed", problem: "page_gone" }]);
  expect(asked).not.toContain("code.release");
  await fill(second);
  expect(asked).toContain("code.release");
});

test.each([
  ["ends with its popup", false, [], ["state"]],
  ["goes on without its popup where a dialog asks", true, ["code.release"], ["state", "failed"]],
])("a fill %s", async (_name, ask, wanted, told) => {
  const { world, show, popup } = await start();
  await show(1, "D").field();
  world.ask = ask;
  const { sent, say, close } = await popup(1);
  const [first] = sent;
  const asked: string[] = [];
  const { reply } = world;
  world.reply = (method) => {
    asked.push(method);
    return reply(method);
  };
  const said = say({ type: "fill", state: first?.type === "state" ? first.number : -1, handle: "h", allow: false });
  close();
  await said;
  expect(asked).toEqual(wanted);
  expect(world.popups).toEqual(ask ? [10] : []);
  expect((await popup(1)).sent.map(({ type }) => type)).toEqual(told);
});

test.each([
  ["a no", { error: { code: "declined", message: "m" } }, "declined"],
  [
    "a yes, to a field that does not take the code",
    { result: { code: "123456", validFrom: 0, expiresAt: 9, asked: true } },
    "rejected",
  ],
])("where the dialog came beyond the budget, %s is told after its popup has gone", async (_name, answer, problem) => {
  const { world, show, popup } = await start();
  await show(1, "D").field();
  const { sent, say, close } = await popup(1);
  const [first] = sent;
  const { reply } = world;
  world.reply = (method) => {
    if (method !== "code.release") return reply(method);
    close();
    return answer;
  };
  await say({ type: "fill", state: first?.type === "state" ? first.number : -1, handle: "h", allow: false });
  if ("result" in answer) await vi.advanceTimersByTimeAsync(6000); // the page says nothing
  expect(world.popups).toEqual([10]);
  expect((await popup(1)).sent[1]).toMatchObject({ type: "failed", problem });
});

test.each([
  ["within a second", 999, true],
  ["later, by the user", 1001, false],
])("a code to look at, from a popup that closes %s", async (_name, ms, again) => {
  const { world, show, popup } = await start();
  await show(1, "D").field();
  world.ask = true;
  const { sent, say, close } = await popup(1);
  const { reply } = world;
  world.reply = (method) =>
    method === "code.release" ? { result: { code: "123456", validFrom: 0, expiresAt: 9 } } : reply(method);
  await say({ type: "code", handle: "h", purpose: "show" });
  expect(sent[1]).toMatchObject({ type: "code", code: "123456" });
  await vi.advanceTimersByTimeAsync(ms - 1);
  close();
  await settled();
  expect(world.popups).toEqual(again ? [10] : []);
  const told = { type: "code", code: "123456", account: { handle: "h" } };
  expect((await popup(1)).sent.slice(1)).toMatchObject(again ? [told] : []);
});

test("a document that stays connected after its tab shows another one is not offered", async () => {
  const { show, popup } = await start();
  await show(1, "OLD").field();
  const shown = show(1, "NEW");
  await shown.say({ type: "field", focused: false });
  expect((await popup(1)).sent[0]).toMatchObject({ state: { is: "page", kind: "none" } });
});

test("an account is saved for the page that the popup was opened over, and for no later one", async () => {
  const { world, show, popup } = await start();
  await show(1, "D").field();
  const { sent, say } = await popup(1);
  const saved: unknown[] = [];
  const { reply } = world;
  world.reply = (method, params) => {
    if (method === "uri.read") return { result: { offers: [{ ticket: "t", issuer: "A", account: "a" }], others: 0 } };
    if (method !== "account.enroll") return reply(method);
    saved.push(params);
    return { result: { account: { handle: "new", issuer: "A", account: "a", strength: "bound" } } };
  };
  const [first] = sent.splice(0);
  const state = first?.type === "state" ? first.number : -1;
  const save = { type: "save", state, ticket: "t", issuer: "A", account: "a" } as const;
  await say(save);
  await say({ type: "text", text: "JBSWY3DPEHPK3PXP" });
  await say({ ...save, state: state - 1 });
  await say({ ...save, ticket: "another" });
  expect(saved).toEqual([]);
  await say(save);
  await say(save);
  const context = { origin: "https://a.example", tab: 1, frame: 0, document: "D" };
  expect(saved).toEqual([{ ticket: "t", issuer: "A", account: "a", context }]);
  expect(sent.map((each) => (each.type === "failed" ? each.problem : each.type))).toEqual([
    "unknown_ticket",
    "offers",
    "page_gone",
    "unknown_ticket",
    "saved",
    "unknown_ticket",
  ]);
  await show(1, "NEW").field();
  await say({ type: "text", text: "JBSWY3DPEHPK3PXP" });
  await say(save);
  expect(saved).toHaveLength(1);
});

test.each([
  ["the popup that is still there goes on", false],
  ["the popup opens again where the prompt closed it", true],
])("what a locked vault kept from being read is read once it is open: %s", async (_name, closes) => {
  const { world, show, popup } = await start();
  await show(1, "D").field();
  const at = await popup(1);
  let locked = true;
  const offer = { ticket: "t", issuer: "B", account: "b", type: "totp", algorithm: "SHA1", digits: 6, period: 30 };
  const { reply } = world;
  world.reply = (method) => {
    if (method === "vault.unlock") {
      locked = false;
      if (closes) at.close();
      return { result: { vault: "open" } };
    }
    if (method !== "uri.read") return reply(method);
    return locked ? { error: { code: "vault_locked", message: "m" } } : { result: { offers: [offer], others: 0 } };
  };
  await at.say({ type: "text", text: "otpauth:" });
  expect(at.sent.at(-1)).toMatchObject({ type: "failed", problem: "vault_locked" });
  await at.say({ type: "unlock" });
  expect(world.popups).toEqual(closes ? [10] : []);
  const { sent } = closes ? await popup(1) : at;
  expect(sent.at(-1)).toMatchObject({ type: "offers", offers: [offer] });
});

test.each([
  ["one that may be meddled with", [false, true], true],
  ["others", [false], false],
])("of troubles with other computers, the popup tells of %s", async (_, foul, tells) => {
  const { world, popup } = await start();
  const { reply } = world;
  const troubles = foul.map((each) => ({ kind: "changed", foul: each, text: "" }));
  const status = { on: true, devices: [], carriers: [], troubles, duplicates: 0 };
  world.reply = (method, params) => (method === "sync.status" ? { result: status } : reply(method, params));
  const { sent } = await popup(1);
  expect(sent.map(({ type }) => type)).toEqual(tells ? ["state", "foul"] : ["state"]);
});
