import * as accounts from "./accounts.ts";
import * as adding from "./adding.ts";
import type { Answer } from "./answer.ts";
import { devices } from "./devices.ts";
import { button, command, make, text } from "./draw.ts";
import { arrange, bar, keyed, makeRows } from "./editor.ts";
import { log } from "./log.ts";
import { type FromOptions, MAX_QUERY, OPTIONS_PORT, type ToOptions } from "./messages.ts";
import { offers, ways } from "./offers.ts";
import { anew, compare, other } from "./pairing.ts";
import { pictureOf } from "./pictures.ts";
import type { Account, LogResult, ServicesResult, SyncResult } from "./protocol.ts";
import { services } from "./services.ts";
import { wayOut } from "./wayout.ts";
import { say, type Word } from "./words.ts";

// The options page: the accounts, the user's services, and the place where an
// account is added. What follows from what the user does is decided in
// accounts.ts and adding.ts; here it is drawn, and the background is asked.

/** After the user stopped typing for so long, in ms, the search is made. */
const PAUSE = 120;

/** While the devices are shown, they are asked for again after so many ms, and so often: not all night, as that would open a vault anew. */
const [AGAIN, LOOKS] = [2000, 150];

/** The parts of the page, by the address's fragment. */
const VIEWS = {
  accounts: "accounts_label",
  services: "options_title",
  devices: "devices_label",
  log: "log_label",
  add: "add_link",
} as const satisfies Record<string, Word>;
type View = keyof typeof VIEWS;

let list = accounts.START;
let added = adding.START;
let kept: Answer<ServicesResult> | undefined;
let told: Answer<LogResult> | undefined; // while the log is shown
let synced: Answer<SyncResult> | undefined; // while the devices are shown
let looking: ReturnType<typeof setTimeout> | undefined;
let asked = 0; // for the services, the log and the devices, and to trust a host
let pairing: "compare" | "other" | undefined; // where the user is with a host that is not trusted
let port: chrome.runtime.Port | undefined;
const waiting = new Map<string, Pick<FromOptions, "type" | "ask">>(); // without what was asked: it may be a secret

function send(message: FromOptions): void {
  const { type, ask } = message;
  waiting.set(`${type} ${ask}`, { type, ask });
  port ??= connect();
  port.postMessage(message);
}

function connect(): chrome.runtime.Port {
  const made = chrome.runtime.connect({ name: OPTIONS_PORT });
  made.onMessage.addListener(received);
  made.onDisconnect.addListener(() => {
    // The browser ended the background: it starts again when it is asked.
    port = undefined;
    for (const { type, ask } of [...waiting.values()])
      received(type === "pin" ? { type, ask } : { type, ask, answer: { ok: false, problem: "host_crashed" } });
  });
  return made;
}

function received(message: ToOptions): void {
  waiting.delete(`${message.type} ${message.ask}`);
  if (message.type === "list") pairing = undefined;
  if (message.type === "services") kept = message.answer;
  if (message.type === "log" && message.ask === asked) told = joined(told, message.answer);
  if (message.type === "devices") {
    if (JSON.stringify(message.answer) === JSON.stringify(synced)) return; // what the user marked there stays
    synced = message.answer;
  }
  const opened = message.type === "unlock" && message.answer.ok;
  if (opened || message.type === "enroll") kept = undefined;
  if (opened) told = synced = undefined;
  happen(message);
  change(message);
}

/** The log with a part of it behind what was there. */
function joined(before: Answer<LogResult> | undefined, part: Answer<LogResult>): Answer<LogResult> {
  if (!before?.ok || !part.ok) return part;
  return { ok: true, result: { ...part.result, records: [...before.result.records, ...part.result.records] } };
}

function happen(event: accounts.Event): void {
  const before = list;
  const next = accounts.update(list, event);
  list = next.model;
  if (next.send) send(next.send);
  // What is typed is there already.
  if (list !== before && event.type !== "draft") draw(next.focus);
}

function change(event: adding.Event): void {
  const before = added;
  const next = adding.update(added, event);
  added = next.model;
  if (next.send) send(next.send);
  if (added !== before && event.type !== "name") draw(next.focus);
  else if (event.type === "services" || event.type === "log" || event.type === "devices") draw();
}

function show(account: Account): void {
  happen({ type: "show", account });
  go("accounts");
  focus(`row ${account.handle}`);
}

function view(): View {
  const name = location.hash.slice(1);
  return Object.hasOwn(VIEWS, name) ? (name as View) : "accounts";
}

function go(to: View): void {
  if (view() === to) return;
  history.pushState(undefined, "", `#${to}`);
  draw();
}

/** Reads a picture that was chosen, dropped or pasted. */
async function read(file: Blob): Promise<void> {
  go("add");
  const picture = await pictureOf(file);
  change({ type: "seen", ...(picture !== undefined && { picture }) });
}

const main = document.querySelector("main") ?? document.body;
const nav = make("nav", "");
nav.ariaLabel = "Codefob";
const bars = make("div", "bars");
bars.role = "status";
const closed = make("section", "");
const places: Record<View, HTMLElement> = {
  accounts: make("section", ""),
  services: make("section", ""),
  devices: make("section", ""),
  log: make("section", ""),
  add: make("section", ""),
};

const search = keyed("search", document.createElement("input"));
search.type = "search";
search.placeholder = say("search");
search.ariaLabel = say("search");
search.maxLength = MAX_QUERY;
search.autocomplete = "off";
search.spellcheck = false;
let typing: ReturnType<typeof setTimeout> | undefined;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => happen({ type: "query", query: search.value.trim() }), PAUSE);
});
const count = make("p", "count");
count.role = "status";
const rows = make("ul", "rows");
rows.ariaLabel = say("accounts_label");
const more = keyed(
  "more",
  button(say("options_more"), () => happen({ type: "more" })),
);
const note = make("div", "");
places.accounts.append(make("div", "find", search, count), note, rows, more);
new IntersectionObserver((entries) => entries.some((each) => each.isIntersecting) && happen({ type: "more" }), {
  rootMargin: "600px",
}).observe(more);
const drawRows = makeRows(happen);

const acts = { happen: change, show, chosen: (file: Blob) => void read(file) };
const found = make("div", "found");
found.ariaLive = "polite";
places.add.append(...ways(acts), found);

/** Draws all that is not as it was; the focus stays where it is, or goes to what has the key. */
function draw(to?: string): void {
  const held = document.activeElement instanceof HTMLElement ? document.activeElement : undefined;
  const key = to ?? held?.dataset["key"];
  const caret = held instanceof HTMLInputElement && held.type === "text" ? held.selectionStart : undefined;
  const at = view();
  document.title = `Codefob: ${say(VIEWS[at])}`;
  drawNav(at);
  arrange(bars, drawBars());
  closed.replaceChildren(...(list.closed ? drawClosed(list.closed) : []));
  closed.hidden = !list.closed;
  for (const [name, place] of Object.entries(places)) place.hidden = name !== at || !closed.hidden;
  if (!closed.hidden) return focus(key === "unlock" || !key ? key : "unlock");
  if (at === "accounts") drawAccounts();
  if (at === "services") drawServices();
  if (at === "devices") drawDevices();
  else synced = undefined; // next time it is asked for anew
  if (at === "log") drawLog();
  else if (told) [told, asked] = [undefined, asked + 1]; // next time it is asked for anew
  if (at === "add") found.replaceChildren(...offers(added, acts));
  if (to !== undefined || (held && !held.isConnected)) focus(key, caret ?? undefined);
}

function focus(key?: string, caret?: number): void {
  if (key === undefined) return;
  const element = [...document.querySelectorAll<HTMLElement>("[data-key]")].find((each) => each.dataset["key"] === key);
  element?.focus();
  if (caret !== undefined && element instanceof HTMLInputElement) element.setSelectionRange(caret, caret);
}

function drawNav(at: View): void {
  if (nav.childElementCount === 0)
    for (const [name, word] of Object.entries(VIEWS)) {
      const link = document.createElement("a");
      link.href = `#${name}`;
      link.append(say(word));
      nav.append(link);
    }
  for (const link of nav.querySelectorAll("a")) {
    if (link.hash === `#${at}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

let drawn = new Map<accounts.Gone, HTMLElement>();
function drawBars(): HTMLElement[] {
  drawn = new Map(list.gone.map((each) => [each, drawn.get(each) ?? bar(each, happen)]));
  return [...drawn.values()];
}

function drawClosed({ problem, hint, stranger }: accounts.Trouble): Node[] {
  const way = wayOut(problem);
  const pair = (to: typeof pairing) => () => {
    pairing = to;
    draw();
  };
  const start = () => happen({ type: "start" });
  if (stranger && pairing === "other") return [...other(), make("div", "buttons", button(say("try_again"), start))];
  if (stranger && (pairing === "compare" || problem === "host_unknown"))
    return compare(stranger, {
      same: () => send({ type: "pin", ask: ++asked, key: stranger.key }),
      differs: pair("other"),
      armed: (element) => element,
    });
  const unlock = () => happen({ type: "ask unlock" });
  const act =
    way.act === "unlock"
      ? button(say(list.unlocking ? "unlocking" : "unlock"), unlock, "primary")
      : button(say("try_again"), start, "primary");
  if (list.unlocking) act.ariaDisabled = "true";
  return [
    ...text(say(`problem_${problem}_title`), say(`problem_${problem}_text`)),
    ...(hint && problem === "internal" ? [make("p", "", hint)] : []),
    ...(way.command ? [command(way.command)] : []),
    make("div", "buttons", keyed("unlock", act)),
    ...(stranger ? anew(pair("compare")) : []),
  ];
}

function drawAccounts(): void {
  const { accounts: all, total, query, restarted } = list;
  if (document.activeElement !== search) search.value = query;
  const empty = all?.length === 0;
  search.hidden = empty === true && query === "";
  const shown = all
    ? all.length < total
      ? say("options_shown", String(all.length), String(total))
      : say("options_accounts", String(total))
    : say("loading");
  count.textContent = empty ? "" : shown;
  note.replaceChildren(
    ...(restarted
      ? [make("p", "note", `${say("problem_unknown_handle_title")}. ${say("problem_unknown_handle_text")}`)]
      : []),
    ...(empty && query ? [make("p", "lead", say("found_none"))] : []),
    ...(empty && !query
      ? [
          ...text(say("options_empty"), say("options_empty_text")),
          make(
            "div",
            "buttons",
            button(say("add_link"), () => go("add"), "primary"),
          ),
        ]
      : []),
  );
  rows.hidden = !all || empty === true;
  arrange(rows, drawRows(list));
  more.hidden = !all || all.length >= total;
}

function drawServices(): void {
  if (!kept && !waiting.has(`services ${asked}`)) send({ type: "services", ask: ++asked });
  const nodes = !kept
    ? [make("p", "lead", say("loading"))]
    : kept.ok
      ? services(kept.result)
      : text(say(`problem_${kept.problem}_title`), say(`problem_${kept.problem}_text`));
  places.services.replaceChildren(...nodes);
}

function drawDevices(): void {
  if (!synced) look();
  const nodes = !synced
    ? [make("p", "lead", say("loading"))]
    : synced.ok
      ? devices(synced.result)
      : text(say(`problem_${synced.problem}_title`), say(`problem_${synced.problem}_text`));
  places.devices.replaceChildren(...nodes);
}

/** Asks how it is with the devices, again and again while they are in view. */
function look(times = 0): void {
  clearTimeout(looking);
  if (view() !== "devices" || document.hidden || list.closed) return;
  if (![...waiting.values()].some(({ type }) => type === "devices")) send({ type: "devices", ask: ++asked });
  if (times < LOOKS) looking = setTimeout(() => look(times + 1), AGAIN);
}

function drawLog(): void {
  if (!told && !waiting.has(`log ${asked}`)) askLog();
  const nodes = !told
    ? [make("p", "lead", say("loading"))]
    : told.ok
      ? log(told.result, askLog)
      : text(say(`problem_${told.problem}_title`), say(`problem_${told.problem}_text`));
  places.log.replaceChildren(...nodes);
}

/** Asks for the log from the end of what is there on. */
function askLog(): void {
  send({ type: "log", ask: ++asked, offset: told?.ok ? told.result.records.length : 0 });
}

document.documentElement.lang = chrome.i18n.getUILanguage();
main.append(nav, bars, closed, places.accounts, places.services, places.devices, places.log, places.add);
addEventListener("hashchange", () => draw());
addEventListener("popstate", () => draw());
addEventListener("visibilitychange", () => look());

/** Whether something is dragged that may be a picture. */
const dragged = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes("Files") ?? false;
addEventListener("dragover", (event) => {
  if (!dragged(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("dropping");
});
addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (!dragged(event)) return;
  event.preventDefault();
  const [file] = event.dataTransfer?.files ?? [];
  if (event.isTrusted && file) void read(file);
});
addEventListener("paste", (event) => {
  if (!event.isTrusted || list.closed) return;
  const [file] = event.clipboardData?.files ?? [];
  const pasted = event.clipboardData?.getData("text/plain") ?? "";
  if (file?.type.startsWith("image/")) {
    event.preventDefault();
    void read(file);
  } else if (/^\s*otpauth(-migration)?:/i.test(pasted) && !(event.target instanceof HTMLInputElement)) {
    event.preventDefault();
    go("add");
    change({ type: "typed", text: pasted });
  }
});

happen({ type: "start" });
draw();
