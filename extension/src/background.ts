import type {} from "./content.ts";
import { makeFills } from "./fills.ts";
import { takesCode } from "./kind.ts";
import { type FromPopup, fromPopup, LOAD, POPUP_PORT, type Problem, type State, type ToPopup } from "./messages.ts";
import { type Answer, isLink, makeHost } from "./native.ts";
import { makePages, type Page } from "./pages.ts";
import { type Context, HOST_NAME, MAX_ACCOUNTS, type MatchResult } from "./protocol.ts";
import { bucket, throttle } from "./throttle.ts";

// The background: between pages, popup and host. It keeps nothing beyond its own
// life; a browser may end it at any moment, and everything is asked anew then.

/** A page may open the popup once in this time, in ms. */
const OPEN_EVERY = 10_000;
/** For this long, in ms, a popup that opens may be one that a page caused. */
const CAUSED_WITHIN = 5000;
/** After the connection to the host failed, pages do not make us start it for this long, in ms. The popup always does. */
const HOST_REST = 60_000;
/** For this long, in ms, a popup tells of a fill that failed before it was open. */
const FAILURE_FOR = 5000;
/** The most fields of one tab that are matched when the popup opens. */
const MOST_FIELDS = 8;

const firefox = chrome.runtime.getURL("").startsWith("moz-extension:");
const now = () => Date.now();

const host = makeHost(
  () => chrome.runtime.connectNative(HOST_NAME),
  // Chromium puts the reason in lastError, Firefox on the port.
  (port) => (port as { error?: { message?: string } }).error?.message ?? chrome.runtime.lastError?.message ?? "",
  { client: firefox ? "firefox" : "chromium", version: chrome.runtime.getManifest().version },
);

const talk = bucket(60, 100, now); // messages of all pages of a tab
const opening = throttle(OPEN_EVERY, now);
const caused = new Map<number, number>(); // window → when a page last opened the popup over it
const marks = new Map<Page, number>(); // accounts offered at a page's field; 0: locked
type Failed = Extract<ToPopup, { type: "failed" }>;
const failures = new Map<number, { page: Page; at: number; failed: Failed }>(); // tab → for the popup to tell
let restUntil = 0;

const pages = makePages(
  {
    all: async (tabId) => (await chrome.webNavigation.getAllFrames({ tabId }).catch(() => null)) ?? [],
    look: reach,
    isActive: async (tab) => (await chrome.tabs.get(tab).catch(() => undefined))?.active ?? false,
  },
  {
    allows: (tab) => talk.pass(tab),
    left(page, thrown) {
      fills.left(page, thrown);
      if (marks.delete(page)) void mark(page.tab);
    },
    message(page, message) {
      switch (message.type) {
        case "field":
          // The answer to a look says nothing new of a field that is marked already.
          if (message.look === undefined || !marks.has(page)) void consider(page);
          return;
        case "open":
          return void openFor(page);
        case "filled":
          return fills.heard(page, message.fill, message.outcome);
        default:
          message satisfies never;
      }
    },
  },
);

const fills = makeFills(host, pages, {
  now,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    }),
});

function contentIn(tabId: number, frameId: number) {
  return { target: { tabId, frameIds: [frameId] }, files: ["content.js"] };
}

/**
 * Has the content script in a frame say who it is. Where no field
 * was in sight, or the page is older than the extension, it is loaded first.
 */
async function reach(tabId: number, frameId: number, look: number): Promise<void> {
  const target = { tabId, frameIds: [frameId] };
  const ask = { target, func: (n: number) => globalThis.codefob?.look(n) ?? false, args: [look] as [number] };
  const [there] = await chrome.scripting.executeScript(ask);
  if (there?.result) return;
  await chrome.scripting.executeScript(contentIn(tabId, frameId));
  await chrome.scripting.executeScript(ask);
}

/** Asks the host whether a page's field can be served, and shows it if so. */
async function consider(page: Page): Promise<void> {
  const { field } = page;
  let accounts = -1;
  if (field && takesCode(field.kind) && now() > restUntil) {
    const context = await pages.context(page);
    const answer = context && (await host.call("accounts.match", { context }));
    if (answer?.ok) accounts = answer.result.accounts.length || -1;
    else if (answer?.problem === "vault_locked") accounts = 0;
    else if (answer && isLink(answer.problem)) restUntil = now() + HOST_REST;
  }
  if (!pages.has(page) || page.field?.number !== field?.number) return;
  if (accounts < 0) marks.delete(page);
  else marks.set(page, accounts);
  if (field) page.send({ type: "offer", on: accounts >= 0 });
  await mark(page.tab);
}

/** Marks the toolbar icon of a tab with the number of accounts for its fields. */
async function mark(tabId: number): Promise<void> {
  const counts = (await pages.shown(tabId)).flatMap((page) => marks.get(page) ?? []);
  const most = Math.max(...counts);
  const text = counts.length === 0 ? "" : most > 9 ? "9+" : most > 0 ? String(most) : "•";
  const ignore = () => undefined; // the tab may be gone
  chrome.action.setBadgeText({ tabId, text }).catch(ignore);
  chrome.action.setBadgeBackgroundColor({ tabId, color: most > 0 ? "#0f766e" : "#6b7280" }).catch(ignore);
  chrome.action.setBadgeTextColor({ tabId, color: "#ffffff" }).catch(ignore);
}

async function openFor(page: Page): Promise<void> {
  if (!page.field || !(await pages.current(page)) || !opening.pass(page.tab)) return;
  const windowId = await windowOf(page.tab);
  if (windowId === undefined) return;
  caused.set(windowId, now());
  await openPopup(windowId);
}

async function openPopup(windowId: number): Promise<void> {
  await chrome.action.openPopup({ windowId }).catch(() => undefined);
}

async function windowOf(tab: number): Promise<number | undefined> {
  return (await chrome.tabs.get(tab).catch(() => undefined))?.windowId;
}

/** The pages that a tab shows, in the order in which the user may mean them. */
async function meant(tab: number): Promise<Page[]> {
  const order = (a: Page, b: Page) => b.focused - a.focused || a.frame - b.frame;
  return (await pages.shown(tab)).sort(order);
}

interface Matched {
  readonly page: Page;
  readonly context: Context;
  readonly result: MatchResult;
}

/** Matches the fields of a tab, and finds the one to serve; a page without a field comes last. */
async function matched(tab: number, frame?: number): Promise<Matched | Extract<State, { is: "problem" }> | undefined> {
  await pages.survey(tab);
  const all = (await meant(tab)).filter((page) => frame === undefined || page.frame === frame);
  const candidates = all.filter((page) => page.field).slice(0, MOST_FIELDS);
  const top = all.find((page) => page.frame === 0);
  if (candidates.length === 0 && top) candidates.push(top);
  let first: Matched | Extract<State, { is: "problem" }> | undefined;
  for (const page of candidates) {
    const context = await pages.context(page);
    const answer = context && (await host.call("accounts.match", { context }));
    const found = !answer
      ? problem("page_unknown")
      : answer.ok
        ? { page, context, result: answer.result }
        : problem(answer);
    if ("page" in found && found.result.accounts.length > 0) return found;
    first ??= found;
  }
  return first;
}

function problem(from: Problem | Extract<Answer<unknown>, { ok: false }>): Extract<State, { is: "problem" }> {
  if (typeof from === "string") return { is: "problem", problem: from };
  return { is: "problem", problem: from.problem, ...(from.hint !== undefined && { hint: from.hint }) };
}

/**
 * Whether a popup over this tab could have been opened by a page, of this tab or
 * of one that made place for it; asked once for each popup.
 */
async function wasCaused(tab: number): Promise<boolean> {
  const windowId = await windowOf(tab);
  if (windowId === undefined) return true;
  const at = caused.get(windowId);
  caused.delete(windowId);
  return at !== undefined && now() - at < CAUSED_WITHIN;
}

/** What the popup over a tab has to tell; once, and only to who sees the page that it is about. */
async function failureIn(tab: number): Promise<Failed | undefined> {
  const failure = failures.get(tab);
  failures.delete(tab);
  if (!failure || now() - failure.at >= FAILURE_FOR) return undefined;
  return (await pages.current(failure.page)) ? failure.failed : undefined;
}

/** A page to fill, as one state of the popup has it. */
interface Target {
  readonly page: Page;
  readonly field: number | undefined;
  readonly context: Context;
}

/** Serves one popup, from its opening to its end. */
function serve(port: chrome.runtime.Port): void {
  const abort = new AbortController();
  let tab = -1;
  let pageCaused = false;
  let target: Target | undefined; // of the state that the popup has
  let last = now(); // number of a state; by the clock, as the popup may outlive the background
  const send = (message: ToPopup) => {
    if (!abort.signal.aborted) port.postMessage(message);
  };

  async function show(again?: Problem): Promise<void> {
    const number = ++last;
    const next = await look();
    if (number !== last) return; // a later one is on its way
    target = next.target;
    send({ type: "state", number, state: next.state, pageCaused, ...(again && { again }) });
  }

  async function look(): Promise<{ state: State; target?: Target }> {
    const found = await matched(tab);
    if (found && "page" in found) {
      const { page, context, result } = found;
      return {
        state: { is: "page", host: result.host, kind: page.field?.kind ?? "none", accounts: result.accounts },
        target: { page, field: page.field?.number, context },
      };
    }
    return { state: found ? (found.problem === "vault_locked" ? { is: "locked" } : found) : await bare() };
  }

  /** The state where no page is known. */
  async function bare(): Promise<State> {
    const hello = await host.call("host.hello", {
      client: firefox ? "firefox" : "chromium",
      version: chrome.runtime.getManifest().version,
    });
    if (!hello.ok) return problem(hello);
    if (hello.result.vault !== "open")
      return hello.result.vault === "locked" ? { is: "locked" } : problem("vault_missing");
    const top = await chrome.webNavigation.getFrame({ tabId: tab, frameId: 0 }).catch(() => null);
    return {
      is: "closed",
      reload: /^(https:|http:\/\/(localhost|127\.0\.0\.1|\[::1\]|[^/]*\.localhost)[:/])/.test(top?.url ?? ""),
    };
  }

  async function received(message: FromPopup): Promise<void> {
    switch (message.type) {
      case "open": {
        tab = message.tab;
        pageCaused = await wasCaused(tab);
        await show();
        const failure = await failureIn(tab);
        if (failure) send(failure);
        return;
      }
      case "unlock": {
        const answer = await host.call("vault.unlock", undefined);
        if (answer.ok) restUntil = 0;
        await Promise.all([...marks.keys()].map(consider));
        if (answer.ok) return show();
        return send({ type: "failed", ...without(problem(answer)) });
      }
      case "search": {
        const context = target && { context: target.context };
        const answer = await host.call("accounts.search", { query: message.query, limit: MAX_ACCOUNTS, ...context });
        if (!answer.ok) return send({ type: "failed", ...without(problem(answer)) });
        return send({ type: "found", query: message.query, ...answer.result });
      }
      case "code": {
        const { handle, purpose } = message;
        const answer = await host.call("code.release", { handle, nonce: crypto.randomUUID(), purpose });
        if (!answer.ok)
          return answer.problem === "unknown_handle"
            ? show("unknown_handle")
            : send({ type: "failed", ...without(problem(answer)) });
        return send({ type: "code", handle, purpose, code: answer.result.code, expiresAt: answer.result.expiresAt });
      }
      case "fill": {
        if (target?.field === undefined || message.state !== last)
          return send({ type: "failed", problem: "page_gone" });
        const { page, field } = target;
        if (!page.field || !takesCode(page.field.kind)) return send({ type: "failed", problem: "changed" });
        const waits = (until: number) => send({ type: "waiting", until });
        const filled = await fills.fill({ ...message, page, field, signal: abort.signal, waits });
        if (filled.ok) return send({ type: "filled" });
        if (filled.problem === "unknown_handle") return show("unknown_handle");
        return send({ type: "failed", ...without(filled) });
      }
      default:
        message satisfies never;
    }
  }

  port.onMessage.addListener((raw) => {
    const message = fromPopup(raw);
    if (message) void received(message);
  });
  port.onDisconnect.addListener(() => abort.abort());
}

function without({ problem, hint }: { problem: Problem; hint?: string }): { problem: Problem; hint?: string } {
  return { problem, ...(hint !== undefined && { hint }) };
}

/** The browser command and the menu item: fills at once where one bound account serves the field, else opens the popup. */
async function quick(tab: number, frame?: number): Promise<void> {
  const found = await matched(tab, frame);
  if (found && "page" in found && (found.page.field?.kind === "totp" || found.page.field?.kind === "otp-any")) {
    const { page, result } = found;
    const [account, other] = result.accounts.filter((each) => each.strength === "bound");
    if (account && !other) {
      const signal = new AbortController().signal;
      const order = {
        page,
        field: page.field?.number ?? 0,
        handle: account.handle,
        allow: false,
        signal,
        waits: () => undefined,
      };
      const filled = await fills.fill(order);
      if (filled.ok) return;
      failures.set(tab, { page, at: now(), failed: { type: "failed", ...without(filled) } });
    }
  }
  const windowId = await windowOf(tab);
  if (windowId !== undefined) await openPopup(windowId);
}

chrome.runtime.onConnect.addListener((port) => {
  const { sender } = port;
  const own = sender?.id === chrome.runtime.id;
  if (own && port.name === POPUP_PORT && !sender?.tab && sender?.url === chrome.runtime.getURL("popup.html"))
    serve(port);
  else if (own && sender?.tab) pages.accept(port);
  else port.disconnect();
});

chrome.runtime.onMessage.addListener((message, { id, tab, frameId }) => {
  if (message !== LOAD || id !== chrome.runtime.id || tab?.id === undefined || frameId === undefined) return;
  if (talk.pass(tab.id)) chrome.scripting.executeScript(contentIn(tab.id, frameId)).catch(() => undefined);
});

chrome.commands.onCommand.addListener((command, tab) => {
  if (command === "fill" && tab?.id !== undefined) void quick(tab.id);
});

chrome.contextMenus.onClicked.addListener(({ menuItemId, frameId }, tab) => {
  if (menuItemId === "fill" && tab?.id !== undefined) void quick(tab.id, frameId);
});

chrome.runtime.onInstalled.addListener(() => {
  const documentUrlPatterns = chrome.runtime.getManifest().content_scripts?.[0]?.matches ?? [];
  chrome.contextMenus.create({
    id: "fill",
    title: chrome.i18n.getMessage("menu"),
    contexts: ["editable"],
    documentUrlPatterns,
  });
});

chrome.tabs.onRemoved.addListener((tab) => {
  for (const each of [talk, opening]) each.forget(tab);
  failures.delete(tab);
});
