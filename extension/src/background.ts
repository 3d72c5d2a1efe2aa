import type { LinkError } from "./answer.ts";
import { badge, type Mark } from "./badge.ts";
import { clear, makeCopied } from "./clipboard.ts";
import type {} from "./content.ts";
import { isLocked, makeEnroll } from "./enroll.ts";
import { makeFills } from "./fills.ts";
import { manage } from "./manage.ts";
import {
  fromPicture,
  LOAD,
  linkIn,
  OPTIONS_PORT,
  PICTURE_PORT,
  POPUP_PORT,
  type State,
  VISIT,
  VISIT_SIGNED_IN,
} from "./messages.ts";
import { type Host, isLink, makeHost } from "./native.ts";
import { elsewhere, fillingOf, has } from "./offer.ts";
import { makePages, type Page } from "./pages.ts";
import { HOST_NAME, type ServicesResult } from "./protocol.ts";
import { type Matched, problem, serve, type Told, without } from "./serve.ts";
import { capture, isActive, openPopup, runIn, shows, windowOf } from "./tabs.ts";
import { makeTeacher } from "./teacher.ts";
import { bucket, throttle } from "./throttle.ts";
import { makeTrust } from "./trust.ts";
import { makeVisits } from "./visits.ts";

// The background: between pages, popup and host. It keeps nothing beyond its own
// life but the key of the host (trust.ts); a browser may end it at any moment, and
// everything is asked anew then.

/** The pages of a window may open the popup once in this time, in ms: one page may have many tabs. */
const OPEN_EVERY = 10_000;
/** A key that is held comes again within this time, in ms. */
const REPEATS_WITHIN = 1000;
/** After the connection to the host failed, pages do not make us start it for this long, in ms. The popup always does. */
const HOST_REST = 60_000;
/** For this long, in ms, a popup tells of what came before it was open. */
const TOLD_FOR = 5000;
/** A tab may send so many messages at once, and one more after so many ms: 32 frames that each tell of a field eight times are honest. */
const [TALK, TALK_EVERY] = [300, 50];
/** The most fields of one tab that are matched when the popup opens. */
const MOST_FIELDS = 8;

/** The pages on which we work, as manifest.json has them for content scripts; a picture may be taken of others, too. */
const OURS = /^(https:|http:\/\/(localhost|127\.0\.0\.1|\[::1\]|[^/]*\.localhost)[:/])/;

const firefox = chrome.runtime.getURL("").startsWith("moz-extension:");
const now = () => Date.now();

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const hello = { client: firefox ? "firefox" : "chromium", version: chrome.runtime.getManifest().version };

// A content script, and so a page that broke out of its sandbox, has no business there.
void chrome.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });
const trust = makeTrust(firefox ? chrome.runtime.id : chrome.runtime.getURL(""), chrome.storage.local);

const host = makeHost(
  () => chrome.runtime.connectNative(HOST_NAME),
  // Chromium puts the reason in lastError, Firefox on the port.
  (port) => (port as { error?: { message?: string } }).error?.message ?? chrome.runtime.lastError?.message ?? "",
  hello,
  trust,
);

/** The host, for what a page asks by itself: it rests after the connection failed. */
const quietly: Host = {
  async call(method, params) {
    if (now() <= rest.until) return { ok: false, problem: rest.problem };
    const answer = await host.call(method, params);
    if (!answer.ok && isLink(answer.problem)) rest = { until: now() + HOST_REST, problem: answer.problem };
    return answer;
  },
};

const talk = bucket(TALK, TALK_EVERY, now);
const opening = throttle(OPEN_EVERY, now);
const caused = new Set<number>(); // windows over which the next popup may be one that a page opened
const marks = new Map<Page, Mark>();
const due = new Set<Page>(); // pages of a site that the user wants to be reminded at
const told = new Map<number, { what: Told; page: Page | undefined }>(); // tab → for the popup to tell
let commanded: { page: Page; at: number } | undefined; // the last time that the user asked without a popup
let rest: { until: number; problem: LinkError } = { until: 0, problem: "host_crashed" };
let synced = false;

const pages = makePages(
  {
    all: async (tabId) => (await chrome.webNavigation.getAllFrames({ tabId }).catch(() => null)) ?? [],
    look: reach,
    isActive,
  },
  {
    allows: (tab) => talk.pass(tab),
    left(page, thrown) {
      fills.left(page, thrown);
      enroll.heard(page);
      due.delete(page);
      if (marks.delete(page)) void mark(page.tab);
    },
    message(page, message) {
      switch (message.type) {
        case "field":
          if (message.look === undefined) enroll.heard(page);
          // The answer to a look says nothing new of a field that is marked already.
          if (message.look === undefined || !marks.has(page)) void consider(page);
          return;
        case "open":
          return void openFor(page);
        case "filled":
          return fills.heard(page, message.fill, message.outcome);
        case "ready":
          return fills.ready(page, message.fill, message.max);
        case "seen":
          return teacher.heard(page, message.ask, message.fields);
        default:
          message satisfies never;
      }
    },
  },
);

const fills = makeFills(host, pages, { now, sleep });

const visits = makeVisits(chrome.scripting);
const teacher = makeTeacher(host, pages, visits);

const enroll = makeEnroll(host, pages, {
  capture,
  select: (tab) => runIn(tab, 0, "select.js", () => globalThis.codefobSelect?.()),
  sheet: ({ tab, frame }) => runIn(tab, frame, "sheet.js", () => globalThis.codefobSheet?.()),
  shows,
  mark: (tab) => void mark(tab),
  now,
  later(ms, act) {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
});

declare global {
  /** What select.js and sheet.js leave in their world. */
  var codefobSelect: (() => Promise<unknown>) | undefined;
  var codefobSheet: (() => unknown) | undefined;
}

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
  const [[there], frame] = await Promise.all([
    chrome.scripting.executeScript(ask),
    chrome.webNavigation.getFrame({ tabId, frameId }).catch(() => null),
  ]);
  if (there?.result) return;
  const url = frame?.url ?? "";
  if (/^(http|file|ftp):/.test(url) && !OURS.test(url)) return;
  await chrome.scripting.executeScript(contentIn(tabId, frameId));
  await chrome.scripting.executeScript(ask);
}

/** Asks the host what can be done for a page's field, and shows it. */
async function consider(page: Page): Promise<void> {
  const { field } = page;
  const found = await offered(page);
  if (!pages.has(page) || page.field?.number !== field?.number) return;
  if (found === undefined) marks.delete(page);
  else marks.set(page, found);
  if (field) page.send({ type: "offer", on: typeof found === "number" || found === "locked" || found === "host" });
  await mark(page.tab);
}

async function offered(page: Page): Promise<Mark | undefined> {
  if (await teacher.tell(page, quietly)) return undefined; // it tells of its field again
  const kind = page.field?.kind ?? "none";
  if (elsewhere(kind)) return "help";
  const context = await pages.context(page);
  if (!context) return undefined;
  const filling = fillingOf({ kind });
  if (!filling) {
    if (!due.has(page)) return undefined;
    const facts = await quietly.call("service.facts", { context });
    return facts.ok && facts.result.reminder === "wanted" && facts.result.accounts === 0 ? "reminder" : undefined;
  }
  const answer = await quietly.call("accounts.match", { context });
  if (answer.ok) void sync();
  if (answer.ok) return answer.result.accounts.filter((each) => has(each, filling)).length || undefined;
  if (answer.problem === "host_unknown" || answer.problem === "host_changed") return "host";
  return answer.problem === "vault_locked" ? "locked" : undefined;
}

/** Has the browser run visit.js where the host says; once in our life is enough, for we set what changes. */
async function sync(): Promise<void> {
  if (synced) return;
  synced = true;
  const answer = await host.call("services.list", undefined);
  if (!answer.ok) synced = false;
  else await keepVisits(answer.result);
}

async function keepVisits({ hosts, taught }: ServicesResult): Promise<void> {
  await Promise.all([visits.remind(hosts), visits.allTaught(taught)]).catch(() => undefined);
}

/** Marks the toolbar icon of a tab by what is found in it. */
async function mark(tab: number): Promise<void> {
  const found = (await pages.shown(tab)).flatMap((page) => marks.get(page) ?? []);
  badge(tab, found, enroll.tells(tab));
}

async function openFor(page: Page): Promise<void> {
  if (!page.field || !(await pages.current(page))) return;
  const windowId = await windowOf(page.tab);
  if (windowId === undefined || !opening.pass(windowId)) return;
  caused.add(windowId);
  await openPopup(windowId);
}

/** The pages that a tab shows, in the order in which the user may mean them. */
async function meant(tab: number): Promise<Page[]> {
  const order = (a: Page, b: Page) => b.focused - a.focused || a.frame - b.frame;
  return (await pages.shown(tab)).sort(order);
}

/** Matches the fields of a tab, and finds the one to serve; a page without a field comes last. */
async function matched(tab: number, frame?: number): Promise<Matched | Extract<State, { is: "problem" }> | undefined> {
  await pages.survey(tab);
  const told = await Promise.all((await pages.shown(tab)).map((page) => teacher.tell(page, host)));
  if (told.includes(true)) await pages.survey(tab); // what the user taught may be a field that it did not know of
  const all = (await meant(tab)).filter((page) => frame === undefined || page.frame === frame);
  const candidates = all.filter((page) => page.field).slice(0, MOST_FIELDS);
  const top = all.find((page) => page.frame === 0);
  if (candidates.length === 0 && top) candidates.push(top);
  let first: Matched | Extract<State, { is: "problem" }> | undefined;
  for (const page of candidates) {
    const found = await match(page);
    if ("page" in found && found.result.accounts.length > 0) return found;
    first ??= found;
  }
  return first;
}

async function match(page: Page): Promise<Matched | Extract<State, { is: "problem" }>> {
  const context = await pages.context(page);
  if (!context) return problem("page_unknown");
  const answer = await host.call("accounts.match", { context });
  if (answer.ok) return { page, context, result: answer.result };
  // Whoever waits for a message is helped without a vault, too.
  const helped = page.field && elsewhere(page.field.kind) && !isLink(answer.problem);
  return helped ? { page, context, result: { host: new URL(page.origin).host, accounts: [] } } : problem(answer);
}

/**
 * Whether a popup over this tab could have been opened by a page, of this tab or
 * of one that made place for it; asked once for each popup.
 */
async function wasCaused(tab: number): Promise<boolean> {
  const windowId = await windowOf(tab);
  return windowId === undefined || caused.delete(windowId);
}

/** What the popup over a tab has to tell; once, and only to who sees the page that it is about. */
async function toldIn(tab: number): Promise<Told | undefined> {
  const last = told.get(tab);
  told.delete(tab);
  if (!last) return undefined;
  return !last.page || (await pages.current(last.page)) ? last.what : undefined;
}

/** Opens the popup over a tab to tell something; of a page, only over that page. As it comes by itself, it is not armed at once. */
async function tell(tab: number, what: Told, page?: Page): Promise<void> {
  if (page && !(await pages.current(page))) return;
  const last = { what, page };
  told.set(tab, last);
  setTimeout(() => told.get(tab) === last && told.delete(tab), TOLD_FOR); // it may be a code
  await reopen(tab);
}

/** The state where no page is known. */
async function bare(tab: number): Promise<State> {
  const answer = await host.call("host.hello", hello);
  if (!answer.ok) return problem(answer);
  if (answer.result.vault !== "open")
    return answer.result.vault === "locked" ? { is: "locked" } : problem("vault_missing");
  const top = await chrome.webNavigation.getFrame({ tabId: tab, frameId: 0 }).catch(() => null);
  return { is: "closed", reload: OURS.test(top?.url ?? "") };
}

async function unlocked(ok: boolean): Promise<void> {
  if (ok) rest.until = 0;
  await Promise.all([...marks.keys()].map(consider));
}

/** The user compared the code of the host that answers, and trusts it. */
async function pin(key: string): Promise<void> {
  await unlocked(await trust.pin(key));
}

/** Reads an account outside of the popup, and opens it again to tell. */
async function outside(tab: number, from: "part" | "file"): Promise<void> {
  if (from === "part") {
    if (await enroll.fromPart(tab)) await reopen(tab);
    return;
  }
  const opener = await chrome.tabs.get(tab).catch(() => undefined);
  if (!opener) return;
  const { windowId, index } = opener;
  const url = chrome.runtime.getURL(`picture.html?tab=${tab}`);
  await chrome.tabs.create({ url, windowId, index: index + 1, openerTabId: tab }).catch(() => undefined);
}

/** Opens the popup over a tab for what is to be told there; as a page may have a part in it, it counts as caused by one. */
async function reopen(tab: number): Promise<void> {
  const windowId = await windowOf(tab);
  if (windowId === undefined) return;
  caused.add(windowId);
  // None opens over a window that has not got the focus back from a dialog.
  for (let tries = 0; tries < 10 && !(await openPopup(windowId)); tries++) await sleep(200);
}

/** Takes a picture from the page that the user chose it in, for the popup over the tab that they came from. */
function receive(port: chrome.runtime.Port): void {
  port.onMessage.addListener(async (raw: unknown) => {
    const message = fromPicture(raw);
    if (!message) return;
    const read = await enroll.fromPicture(message.tab, message.picture);
    const told = read.ok || isLocked(read);
    port.postMessage(told ? { ok: true } : without(read));
    if (!told) return;
    enroll.offered(message.tab, read);
    await chrome.tabs.update(message.tab, { active: true }).catch(() => undefined);
    await reopen(message.tab);
  });
}

const copied = makeCopied({
  now,
  sleep,
  async open() {
    const answer = await host.call("host.hello", hello);
    return answer.ok && answer.result.vault === "open";
  },
  clear,
});

const desk = {
  host,
  pages,
  fills,
  teacher,
  enroll,
  visits,
  now,
  sleep,
  matched,
  bare,
  wasCaused,
  toldIn,
  tell,
  outside,
  reopen,
  unlocked,
  pin,
  consider,
  copied,
};

/** The browser command and the menu item: fills at once where one bound account serves the field, else opens the popup. */
async function quick(tab: number, frame?: number): Promise<void> {
  const found = await matched(tab, frame);
  if (found && "page" in found && found.page.field) {
    const { page, result } = found;
    const held = commanded?.page === page && Math.abs(now() - commanded.at) < REPEATS_WITHIN;
    commanded = { page, at: now() };
    if (held) return;
    const { number: field, kind } = found.page.field;
    const filling = fillingOf(found.page.field);
    const bound = result.accounts.filter((each) => each.strength === "bound" && filling && has(each, filling));
    const [account, other] = kind === "enroll" || filling === "recovery" ? [] : bound;
    if (filling && account && !other) {
      const { handle, submit } = account;
      const { signal } = new AbortController();
      const filled = await fills.fill({
        page,
        field,
        filling,
        handle,
        submit,
        allow: false,
        signal,
        waits: () => undefined,
        asked: () => undefined,
      });
      return filled.ok ? undefined : tell(tab, { type: "failed", ...without(filled) }, page);
    }
  }
  const windowId = await windowOf(tab);
  if (windowId !== undefined) await openPopup(windowId);
}

chrome.runtime.onConnect.addListener((port) => {
  const { sender } = port;
  const own = sender?.id === chrome.runtime.id;
  if (own && port.name === POPUP_PORT && !sender?.tab && sender?.url === chrome.runtime.getURL("popup.html"))
    serve(port, desk);
  else if (own && port.name === OPTIONS_PORT && isOptions(sender?.url))
    manage(port, { host, unlocked, pin, services: keepVisits });
  else if (own && port.name === PICTURE_PORT && sender?.url?.startsWith(chrome.runtime.getURL("picture.html")))
    receive(port);
  else if (own && sender?.tab) pages.accept(port);
  else port.disconnect();
});

chrome.runtime.onMessage.addListener((message, { id, tab, frameId, documentId, origin }) => {
  if (id !== chrome.runtime.id || tab?.id === undefined || frameId === undefined || !talk.pass(tab.id)) return;
  if (message === LOAD) chrome.scripting.executeScript(contentIn(tab.id, frameId)).catch(() => undefined);
  if (message === VISIT || message === VISIT_SIGNED_IN)
    void visited(tab.id, frameId, documentId, message === VISIT_SIGNED_IN);
  const link = linkIn(message);
  if (link !== undefined && tab.active && origin !== undefined && origin !== "null") void linked(tab, link);
});

/** Reads the link for an authenticator app that the user clicked on, and opens the popup to tell. */
async function linked({ id = -1, windowId }: chrome.tabs.Tab, link: string): Promise<void> {
  const opens = opening.pass(windowId);
  enroll.offered(id, await enroll.fromText(id, link));
  if (opens) await reopen(id);
}

/** A page of a site that the user taught a field of, or wants to be reminded at. */
async function visited(tab: number, frame: number, documentId: string | undefined, signedIn: boolean): Promise<void> {
  await pages.ask(tab, frame);
  const page = (await pages.shown(tab)).find((each) => each.frame === frame && each.document === documentId);
  if (!page) return;
  if (signedIn && frame === 0) due.add(page);
  await consider(page);
}

/** Whether an address is of our options page, at whichever of its parts. */
function isOptions(url = ""): boolean {
  return url.replace(/#\w*$/, "") === chrome.runtime.getURL("options.html");
}

chrome.commands.onCommand.addListener((command, tab) => {
  if (command === "fill" && tab?.id !== undefined) void quick(tab.id);
});

chrome.contextMenus.onClicked.addListener(({ menuItemId, frameId }, tab) => {
  if (menuItemId === "fill" && tab?.id !== undefined) void quick(tab.id, frameId);
});

chrome.runtime.onInstalled.addListener(({ reason }) => {
  if (reason === "update") void sync(); // the browser has forgotten
  const documentUrlPatterns = chrome.runtime.getManifest().content_scripts?.[0]?.matches ?? [];
  chrome.contextMenus.create({
    id: "fill",
    title: chrome.i18n.getMessage("menu"),
    contexts: ["editable"],
    documentUrlPatterns,
  });
});

chrome.tabs.onRemoved.addListener((tab) => {
  talk.forget(tab);
  told.delete(tab);
  enroll.forget(tab);
});
