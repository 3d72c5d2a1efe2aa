import { accountRow, button, command, make, text } from "./draw.ts";
import { add, few, kept, offer, offers, saved, sheet, took, ways } from "./enrollment.ts";
import { type FromPopup, POPUP_PORT, type State, type ToPopup } from "./messages.ts";
import { elsewhere } from "./offer.ts";
import { compare, other } from "./pairing.ts";
import { pictureOf } from "./pictures.ts";
import { problem, trouble } from "./problems.ts";
import type { Account } from "./protocol.ts";
import { type Acts, account, agree, left, waiting } from "./release.ts";
import { reminder, rescue } from "./rescue.ts";
import {
  ARM_AFTER,
  asksForTrust,
  type Event,
  fillable,
  filling,
  listed,
  type Model,
  START,
  strangerOf,
  update,
} from "./view.ts";
import { report, why } from "./why.ts";
import { say, type Word } from "./words.ts";

// Draws the popup and turns what the user does into events. What follows from
// them is decided in view.ts.

let model: Model = START;
let port: chrome.runtime.Port | undefined;
let connects = 0;
let restarted = false; // the background, under this popup
let arm: ReturnType<typeof setTimeout> | undefined;
let tick: ReturnType<typeof setInterval> | undefined;

const part = <T extends Element>(selector: string): T => {
  const found = document.querySelector<T>(selector);
  if (!found) throw new Error(`popup.html has no ${selector}`);
  return found;
};
const main = part<HTMLElement>("main");
const footer = part<HTMLElement>("footer");
const search = part<HTMLInputElement>("input");
const services = part<HTMLButtonElement>("header button");

function happen(event: Event): void {
  const before = model;
  const next = update(model, event);
  model = next.model;
  if (next.send) send(next.send);
  if (next.open) void chrome.tabs.create({ url: next.open }).then(() => close());
  if (model === before) return;
  draw(before);
  clearTimeout(arm); // whatever changes under the pointer makes it wait anew
  if (model.state && !model.armed) arm = setTimeout(() => happen({ type: "armed" }), ARM_AFTER);
  if (model.step.at === "away") close(); // at once: it opens again
  if (model.step.at === "done") setTimeout(() => close(), 350);
}

function send(message: FromPopup): void {
  port?.postMessage(message);
}

async function received(message: ToPopup): Promise<void> {
  connects = 0; // the background lives
  // One that was started again has forgotten what opened the popup.
  if (message.type === "state") return happen({ ...message, pageCaused: message.pageCaused || restarted });
  if (message.type !== "code" || message.purpose !== "copy") return happen(message);
  const copied = await copy(message.code).then(
    () => true,
    () => false,
  );
  happen({ ...message, purpose: copied ? "copy" : "show" });
}

/** Copies a code, which the background takes out of the clipboard again. */
async function copy(code: string): Promise<void> {
  await navigator.clipboard.writeText(code);
  send({ type: "copied", code });
}

async function connect(): Promise<void> {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  port = chrome.runtime.connect({ name: POPUP_PORT });
  port.onMessage.addListener((message: ToPopup) => void received(message));
  port.onDisconnect.addListener(() => {
    port = undefined; // the browser ended the background: it starts again when asked
    restarted = true;
    if (++connects < 4) setTimeout(connect, 100 * connects);
  });
  send({ type: "open", tab: tab?.id ?? 0 });
}

/** Draws the model; the focus goes to the first thing to do when the user comes to another place. */
function draw(before: Model): void {
  clearInterval(tick);
  const held = document.activeElement === search || main.contains(document.activeElement);
  const folds = folded();
  const same = before.step.at === model.step.at && before.state === model.state;
  const typed = same ? inputs().map(({ name, value }) => ({ name, value })) : [];
  const at = main.contains(document.activeElement) && document.activeElement;
  const writing = same && at instanceof HTMLInputElement ? at : undefined;
  main.replaceChildren(...screen());
  // What the user folded stays so.
  if (before.step.at === model.step.at)
    for (const [i, each] of main.querySelectorAll("details").entries()) each.open = folds[i] ?? each.open;
  // And what they typed.
  for (const { name, value } of typed) for (const each of inputs()) if (each.name === name) each.value = value;
  footer.hidden = !searchable();
  if (search.value !== model.query && document.activeElement !== search) search.value = model.query;
  if (model.query === "") search.value = "";
  const written = writing && inputs().find(({ name }) => name === writing.name);
  if (written) {
    written.focus();
    return written.setSelectionRange(writing.selectionStart, writing.selectionEnd);
  }
  const elsewhereNow = before.step.at !== model.step.at || before.state !== model.state || !held;
  if (elsewhereNow || document.activeElement === document.body) focusFirst();
}

function folded(): boolean[] {
  return [...main.querySelectorAll("details")].map(({ open }) => open);
}

function inputs(): HTMLInputElement[] {
  return [...main.querySelectorAll("input")];
}

function focusFirst(): void {
  if (model.query && model.step.at === "list") return search.focus();
  const first =
    main.querySelector<HTMLElement>(".primary") ??
    [...main.querySelectorAll<HTMLElement>("[tabindex], summary, button")].find((each) => !each.closest(".foul"));
  if (first) first.focus();
  else if (!footer.hidden) search.focus();
}

function searchable(): boolean {
  const { state, step } = model;
  return (state?.is === "page" || state?.is === "closed") && step.at === "list";
}

function screen(): Node[] {
  const { state, step } = model;
  const stranger = strangerOf(model);
  if (stranger && asksForTrust(model)) return compare(stranger, trusting);
  if (!state) return step.at === "failed" ? problem(step, model, acts) : [make("p", "lead", say("loading"))];
  switch (step.at) {
    case "list":
      return [...(model.foul ? [foul()] : []), ...list()];
    case "account":
      return account(step.account, model, acts);
    case "agree":
      return agree(step.account, model, acts);
    case "filling":
      return waiting(step.account, step.until, acts);
    case "why":
      return step.fields ? [...why(step.fields, teach), whyEnd(step.fields)] : [make("p", "lead", say("loading"))];
    case "failed":
      return problem(step, model, acts);
    case "compare":
      return [];
    case "other":
      return [...other(), make("div", "buttons", back())];
    case "done":
      return [make("h2", "", `✓ ${say("done")}`)];
    case "away":
      return [];
    case "add":
      return add(hostOf(state), step.reading, step.problem ? trouble(step.problem, step.hint) : [], acts);
    case "offers":
      return offers(step, acts);
    case "offer": {
      const wrong = step.problem ? trouble(step.problem, step.hint) : [];
      return offer(step, hostOf(state), wrong, acts);
    }
    case "saved":
      return saved(step.account, hostOf(state), filling(model, step.account) !== undefined, acts);
    case "sheet":
      return sheet(step.account, step.sheet, step.saving, acts);
    case "kept":
      return kept(step.account, step.added, step.already, acts);
    default:
      return step satisfies never;
  }
}

function hostOf(state: State): string {
  return state.is === "page" ? state.host : "";
}

function list(): Node[] {
  const { state, query, found } = model;
  if (!state) return [];
  if (query) return found ? searched(found.total) : [make("p", "lead", say("loading"))];
  switch (state.is) {
    case "problem":
      return problem(state, model, acts);
    case "locked":
      return problem({ problem: "vault_locked" }, model, acts);
    case "closed":
      return state.reload
        ? text(say("reload_title"), say("reload_text"))
        : text(say("closed_title"), say("closed_text"));
    case "page":
      return page(state);
    default:
      return state satisfies never;
  }
}

const help: Parameters<typeof rescue>[1] = {
  open: (url) => happen({ type: "link", url }),
  remind: (wish) => happen({ type: "remind", reminder: wish }),
  armed: (element) => armed(element),
};

const trusting: Parameters<typeof compare>[1] = {
  same: () => happen({ type: "same" }),
  differs: () => happen({ type: "differs" }),
  armed: (element) => armed(element),
};

const acts: Acts = { happen, primary, armed, back, retry, ticking, copy };

const teach: Parameters<typeof why>[1] = {
  teach: (field, as) => happen({ type: "teach", field, as }),
  armed: (element) => armed(element),
};

/** What a page is offered, by what its field takes. */
function page(state: Extract<State, { is: "page" }>): Node[] {
  const { host, kind, accounts, enrolled } = state;
  if (enrolled?.accepted) return took(enrolled.account, host, acts);
  if (elsewhere(kind)) return [...rescue(state, help), links()];
  const offered = listed(model);
  if (offered.length === 0)
    return [...reminder(state, help), ...nothing(state), kind === "enroll" ? whyLink() : links()];
  const fills = filling(model);
  const lead: Word = fills
    ? (
        {
          code: offered.length > 1 ? "pick_title" : "fill_title",
          recovery: "recovery_lead",
          append: "append_lead",
        } as const
      )[fills]
    : "site_title";
  const label: Word = fills === "recovery" ? "recovery_button" : fills === "append" ? "append_button" : "fill_button";
  const typeFirst = !fills && accounts.some((each) => each.append);
  return [
    ...reminder(state, help),
    model.again === "unknown_handle" && make("p", "note", say("again_unknown_handle")),
    enrolled && make("p", "note", say("refused_note", host)),
    make("p", "lead", say(lead)),
    make("p", "host", host),
    !fills && make("p", "", say(typeFirst ? "append_first" : "no_field")),
    offered.length > 1 ? options(offered) : single(offered[0]),
    fills === "recovery" && offered.some(few) && make("p", "note", say("recovery_low")),
    fills &&
      make(
        "div",
        "buttons",
        primary(say(label), () => happen({ type: "confirm" })),
        kind === "enroll" && armed(button(say("add_page"), () => happen({ type: "read", from: "page" }))),
      ),
    links(fills ? "why_wrong" : "why_link"),
  ].filter((node) => node instanceof Node);
}

/** A site without an account for it. */
function nothing({ host, kind, accounts }: Extract<State, { is: "page" }>): Node[] {
  if (kind === "recovery-code")
    return [
      ...text(say("recovery_title"), say("recovery_text", host)),
      command(accounts.length > 0 ? `codefob recovery ${host} --add` : `codefob add --site ${host}`),
    ];
  if (kind === "enroll") return [...text(say("add_title", host), say("enroll_note")), ...ways(false, acts)];
  const lines = kind === "none" ? [say("no_field")] : [];
  return [...text(say("none_title", host), ...lines, say("none_text")), command(`codefob add --site ${host}`)];
}

/** That somebody may have meddled with what came from other computers; the options page says more. */
function foul(): HTMLElement {
  const see = () => happen({ type: "link", url: chrome.runtime.getURL("options.html#devices") });
  return make(
    "div",
    "note foul",
    `${say("sync_foul")} ${say("devices_safe")}`,
    armed(button(say("sync_foul_see"), see, "link")),
  );
}

function whyLink(label: Word = "why_link"): HTMLElement {
  return button(say(label), () => happen({ type: "look" }), "link");
}

function links(label?: Word): HTMLElement {
  return make(
    "div",
    "links",
    button(say("add_link"), () => happen({ type: "add" }), "link"),
    whyLink(label),
  );
}

function whyEnd(fields: Parameters<typeof why>[0]): HTMLElement {
  const save = () => {
    const browser = /Firefox\/\d+|Chrome\/\d+/.exec(navigator.userAgent)?.[0] ?? "";
    const file = new Blob([report(fields, chrome.runtime.getManifest().version, browser)], {
      type: "application/json",
    });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = "codefob-report.json";
    link.click();
  };
  const again = button(say("back"), retry);
  return make("div", "buttons", again, fields.length > 0 && button(say("why_report"), save));
}

function single(only: Account | undefined): Node {
  if (!only) return make("div", "");
  return make("div", "card", accountRow(only, left(only, model), fresh(only), more(0)));
}

/** The accounts to choose from: arrow keys select, Enter or a click chooses. */
function options(accounts: readonly Account[]): HTMLElement {
  const box = make("div", "list");
  box.role = "listbox";
  box.tabIndex = 0;
  box.ariaLabel = say("accounts_label");
  accounts.forEach((each, i) => {
    const row = accountRow(each, left(each, model), fresh(each), !model.query && fillable(model) && more(i));
    row.role = "option";
    row.id = `account-${i}`;
    row.ariaSelected = String(i === model.selected);
    row.addEventListener("click", (event) => event.isTrusted && happen({ type: "choose", index: i }));
    box.append(row);
    if (i === model.selected) {
      box.setAttribute("aria-activedescendant", row.id);
      queueMicrotask(() => row.scrollIntoView({ block: "nearest" }));
    }
  });
  return box;
}

function fresh({ strength }: Account): Node | undefined {
  return fillable(model) && strength !== "bound" && !model.query ? make("span", "tag", say("new_here")) : undefined;
}

function more(index: number): HTMLElement {
  const element = button("⋯", () => happen({ type: "open", index }), "small");
  element.title = say("more");
  element.ariaLabel = say("more");
  return element;
}

function searched(total: number): Node[] {
  const accounts = listed(model);
  if (accounts.length === 0) return [make("p", "lead", say("found_none"))];
  const rest = total - accounts.length;
  return rest > 0 ? [options(accounts), make("p", "lead", say("found_more", String(rest)))] : [options(accounts)];
}

/** Asks the background for everything anew. */
function retry(): void {
  happen({ type: "back" });
  void chrome.tabs
    .query({ active: true, currentWindow: true })
    .then(([tab]) => send({ type: "open", tab: tab?.id ?? 0 }));
}

function back(label = say("back")): HTMLElement {
  return button(label, () => happen({ type: "back" }));
}

/** Does it now, and four times a second while the screen is shown. */
function ticking(step: () => void): void {
  step();
  tick = setInterval(step, 250);
}

/** The first thing to do. One that releases a code into the page shows its key, and is dead until the popup is armed. */
function primary(label: string, pressed: () => void, releases = true): HTMLElement {
  const element = button(label, pressed, "primary");
  if (!releases) return element;
  const key = make("kbd", "", "⏎");
  key.ariaHidden = "true";
  element.append(key);
  return armed(element);
}

function armed(element: HTMLElement): HTMLElement {
  if (!model.armed) element.ariaDisabled = "true";
  return element;
}

function pressed(event: KeyboardEvent): void {
  if (!event.isTrusted || event.isComposing) return;
  switch (event.key) {
    case "Enter": {
      const { target } = event;
      if (target instanceof HTMLElement && target.matches("button, summary") && !event.repeat) return; // its own click follows
      event.preventDefault();
      if (event.repeat) return;
      return model.step.at === "list" ? happen({ type: "choose" }) : focusFirst();
    }
    case "ArrowDown":
    case "ArrowUp":
      event.preventDefault();
      return happen({ type: "move", by: event.key === "ArrowDown" ? 1 : -1 });
    case "Escape":
      // The browser closes the popup; and with it ends a fill that is under way.
      if (model.step.at === "filling" || (model.step.at === "list" && !model.query)) return;
      event.preventDefault();
      return happen({ type: "back" });
    default:
      return;
  }
}

/** A picture, a setup key or an otpauth address that the user pastes; in a field that they correct it is text like any other. */
async function pasted(event: ClipboardEvent): Promise<void> {
  const { state, step } = model;
  const gives = step.at === "add" || (step.at === "list" && state?.is === "page" && !model.query);
  const { target } = event;
  if (!event.isTrusted || !gives || target === search || !event.clipboardData) return;
  const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
  const typed = event.clipboardData.getData("text/plain").trim();
  event.preventDefault();
  if (!file) return typed ? happen({ type: "text", text: typed }) : undefined;
  const picture = await pictureOf(file);
  happen(picture ? { type: "picture", picture } : { type: "failed", problem: "picture_refused" });
}

// In a frame of anything it stays empty; in a tab the background does not answer it.
if (window.top === window) {
  search.placeholder = say("search");
  search.ariaLabel = say("search");
  search.addEventListener("input", () => happen({ type: "query", query: search.value.trim() }));
  document.addEventListener("keydown", pressed);
  document.addEventListener("paste", (event) => void pasted(event));
  addEventListener("focus", () => document.activeElement === document.body && focusFirst());
  services.textContent = say("options_open");
  services.addEventListener("click", ({ isTrusted }) => isTrusted && chrome.runtime.openOptionsPage());
  document.documentElement.lang = chrome.i18n.getUILanguage();
  main.replaceChildren(...screen());
  void connect();
}
