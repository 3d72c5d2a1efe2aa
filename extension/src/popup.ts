import { accountRow, button, code, command, fullTitle, make, text } from "./draw.ts";
import { add, few, kept, offer, offers, saved, sheet, sheetLink, took, ways } from "./enrollment.ts";
import { type FromPopup, POPUP_PORT, type Problem, type State, type ToPopup } from "./messages.ts";
import { elsewhere } from "./offer.ts";
import { pictureOf } from "./pictures.ts";
import type { Account } from "./protocol.ts";
import { type Acts, reminder, rescue } from "./rescue.ts";
import { ARM_AFTER, type Event, fillable, filling, listed, type Model, START, update, wayOut } from "./view.ts";
import { report, why } from "./why.ts";
import { say, type Word } from "./words.ts";

// Draws the popup and turns what the user does into events. What follows from
// them is decided in view.ts.

/** How long a counter-based code stays on show, in ms. */
const SHOW_FOR = 30_000;

let model: Model = START;
let port: chrome.runtime.Port | undefined;
let connects = 0;
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
  if (model.armed || model.state !== before.state || model.step.at !== before.step.at) {
    clearTimeout(arm);
    arm = undefined;
  }
  if (model.state && !model.armed) arm ??= setTimeout(() => happen({ type: "armed" }), ARM_AFTER);
  if (model.step.at === "away") close(); // at once: it opens again
  if (model.step.at === "done") setTimeout(() => close(), 350);
}

function send(message: FromPopup): void {
  port?.postMessage(message);
}

async function received(message: ToPopup): Promise<void> {
  if (message.type !== "code" || message.purpose !== "copy") return happen(message);
  const copied = await navigator.clipboard.writeText(message.code).then(
    () => true,
    () => false,
  );
  happen({ ...message, purpose: copied ? "copy" : "show" });
}

async function connect(): Promise<void> {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  port = chrome.runtime.connect({ name: POPUP_PORT });
  port.onMessage.addListener((message: ToPopup) => void received(message));
  port.onDisconnect.addListener(() => {
    port = undefined; // the browser ended the background: it starts again when asked
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
    main.querySelector<HTMLElement>(".primary") ?? main.querySelector<HTMLElement>("[tabindex], summary, button");
  if (first) first.focus();
  else if (!footer.hidden) search.focus();
}

function searchable(): boolean {
  const { state, step } = model;
  return (state?.is === "page" || state?.is === "closed") && step.at === "list";
}

function screen(): Node[] {
  const { state, step } = model;
  if (!state) return step.at === "failed" ? problem(step.problem, step.hint) : [make("p", "lead", say("loading"))];
  switch (step.at) {
    case "list":
      return list();
    case "account":
      return account(step.account);
    case "agree":
      return agree(step.account);
    case "filling":
      return waiting(step.account, step.until);
    case "why":
      return step.fields ? [...why(step.fields, teach), whyEnd(step.fields)] : [make("p", "lead", say("loading"))];
    case "failed":
      return step.unused ? unused(step.problem, step.unused) : problem(step.problem, step.hint, step.account);
    case "done":
      return [make("h2", "", `✓ ${say("done")}`)];
    case "away":
      return [];
    case "add":
      return add(hostOf(state), step.reading, step.problem ? trouble(step.problem, step.hint) : [], enrollment);
    case "offers":
      return offers(step, enrollment);
    case "offer": {
      const wrong = step.problem ? trouble(step.problem, step.hint) : [];
      return offer(step, hostOf(state), wrong, enrollment);
    }
    case "saved":
      return saved(step.account, hostOf(state), filling(model, step.account) !== undefined, enrollment);
    case "sheet":
      return sheet(step.account, step.sheet, step.saving, enrollment);
    case "kept":
      return kept(step.account, step.added, step.already, enrollment);
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
      return problem(state.problem, state.hint);
    case "locked":
      return problem("vault_locked");
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

const acts: Acts = {
  open: (url) => happen({ type: "link", url }),
  remind: (wish) => happen({ type: "remind", reminder: wish }),
  armed: (element) => armed(element),
};

const enrollment: Parameters<typeof add>[3] = {
  happen,
  primary: (label, pressed) => primary(label, pressed),
  armed: (element) => armed(element),
  back: (label) => back(label),
};

const teach: Parameters<typeof why>[1] = (field, as) => happen({ type: "teach", field, as });

/** What a page is offered, by what its field takes. */
function page(state: Extract<State, { is: "page" }>): Node[] {
  const { host, kind, accounts, enrolled } = state;
  if (enrolled?.accepted) return took(enrolled.account, host, enrollment);
  if (elsewhere(kind)) return [...rescue(state, acts), links()];
  const offered = listed(model);
  if (offered.length === 0)
    return [...reminder(state, acts), ...nothing(state), kind === "enroll" ? whyLink() : links()];
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
    ...reminder(state, acts),
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
  if (kind === "enroll") return [...text(say("add_title", host), say("enroll_note")), ...ways(false, enrollment)];
  const lines = kind === "none" ? [say("no_field")] : [];
  return [...text(say("none_title", host), ...lines, say("none_text")), command(`codefob add --site ${host}`)];
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
  return make("div", "card", accountRow(only, left(only), fresh(only), more(0)));
}

/** The accounts to choose from: arrow keys select, Enter or a click chooses. */
function options(accounts: readonly Account[]): HTMLElement {
  const box = make("div", "list");
  box.role = "listbox";
  box.tabIndex = 0;
  box.ariaLabel = say("accounts_label");
  accounts.forEach((each, i) => {
    const row = accountRow(each, left(each), fresh(each), !model.query && fillable(model) && more(i));
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

/** How many recovery codes of an account are left, where one is asked for. */
function left({ recovery }: Account): string {
  return filling(model) === "recovery" ? say("recovery_left", String(recovery)) : "";
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

function account(of: Account): Node[] {
  const { shown, state } = model;
  const nodes: Node[] = [make("div", "card", accountRow(of))];
  if (shown) nodes.push(countdown(shown.code, shown.expiresAt, of.period));
  const ask = (purpose: "show" | "copy") => () => happen({ type: "ask", purpose });
  const copy = shown?.copied ? `✓ ${say("copied")}` : say("copy");
  const buttons = make("div", "buttons");
  if (!shown) buttons.append(armed(primary(say("show"), ask("show"), false)));
  buttons.append(armed(shown ? primary(copy, ask("copy"), false) : button(copy, ask("copy"))));
  if (filling(model, of) && state?.is === "page")
    buttons.append(button(say("fill_here", state.host), () => happen({ type: "confirm" })));
  buttons.append(back());
  if (model.asked && of.ask && !shown) nodes.push(make("p", "note plain", say("answer_dialog")));
  if (few(of)) nodes.push(make("p", "note", `${say("recovery_left", String(of.recovery))}. ${say("recovery_low")}`));
  return [...nodes, buttons, ...(state?.is === "page" ? [sheetLink(of, enrollment)] : [])];
}

function countdown(value: string, expiresAt: number, period: number): Node {
  const drawn = code(value);
  const end = expiresAt || Date.now() + SHOW_FOR;
  const span = expiresAt ? period * 1000 : SHOW_FOR;
  const step = () => {
    const left = end - Date.now();
    if (left <= 0) return happen({ type: "expired" });
    drawn.left(left / span, Math.ceil(left / 1000));
  };
  step();
  tick = setInterval(step, 250);
  return drawn.element;
}

function agree(of: Account): Node[] {
  const host = model.state?.is === "page" ? model.state.host : "";
  const site = of.site ?? "";
  const words = {
    bound: "",
    known: say("agree_known", of.issuer || fullTitle(of)),
    related: site ? say("agree_related", site) : say("agree_related_bare"),
    suggested: say("agree_suggested"),
    none: site ? say("agree_none", site, host) : say("agree_none_bare", host),
  }[of.strength];
  const foreign = of.strength === "none";
  const confirm = () => happen({ type: "confirm" });
  // Where it may be a trap, what the focus is on is the way back.
  const buttons = foreign
    ? [
        primary(say("cancel"), () => happen({ type: "back" }), false),
        armed(button(say("agree_anyway", host), confirm, "warn")),
      ]
    : [primary(say("agree_button"), confirm), back(say("cancel"))];
  return [
    ...text(say("agree_title", fullTitle(of), host)),
    make("p", foreign ? "note" : "", words),
    ...(left(of) ? [make("p", "", left(of))] : []),
    make("div", "buttons", ...buttons),
  ];
}

function waiting(of: Account, until: number | undefined): Node[] {
  const card = make("div", "card", accountRow(of));
  if (until === undefined) return [make("h2", "", say(of.ask ? "answer_dialog" : "filling")), card];
  const heading = make("h2", "");
  heading.ariaLive = "off";
  const step = () => {
    heading.textContent = say("waiting", String(Math.max(0, Math.ceil((until - Date.now()) / 1000))));
  };
  step();
  tick = setInterval(step, 250);
  return [heading, make("p", "", say("waiting_why")), card];
}

/** What is wrong, where the way on stands beside it. */
function trouble(of: Problem, hint?: string): Node[] {
  const nodes = text(say(`problem_${of}_title`), say(`problem_${of}_text`));
  return hint ? [...nodes, make("p", "", hint)] : nodes;
}

function problem(of: Problem, hint?: string, account?: Account): Node[] {
  const way = wayOut(of);
  const nodes: Node[] = text(say(`problem_${of}_title`), say(`problem_${of}_text`));
  if (way.command) nodes.push(command(way.command));
  else if (hint) nodes.push(make("p", "", hint));
  const buttons = make("div", "buttons");
  if (way.act === "unlock") {
    if (model.unlocking) nodes.push(make("p", "note", say("unlocking")));
    else buttons.append(primary(say("unlock"), () => happen({ type: "unlock" }), false));
  } else if (way.act === "copy" && account) {
    buttons.append(armed(primary(say("copy"), () => happen({ type: "ask", purpose: "copy" }), false)), back());
  } else buttons.append(primary(say("try_again"), retry, false));
  nodes.push(buttons);
  return nodes;
}

/** A recovery code that did not get into the page: it counts as used, so the user gets it. */
function unused(of: Problem, recoveryCode: string): Node[] {
  return [
    ...text(say(`problem_${of}_title`), say("unused_text")),
    command(recoveryCode, say("copy")),
    make("div", "buttons", button(say("back"), retry)),
  ];
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
      if (model.step.at === "list" && !model.query) return; // the browser closes the popup
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

// In a frame of anything, or in a tab, it stays empty.
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
