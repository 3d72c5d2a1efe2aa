import { type Chip, makeChip } from "./chip.ts";
import { active, formOf, type Input, textOf, typed } from "./editable.ts";
import { fill, fits, holds, room } from "./fill.ts";
import { type Field, SURE } from "./find.ts";
import { takesCode } from "./kind.ts";
import { sentTo } from "./mask.ts";
import { type FromPage, MAX_FIELDS, type Outcome, PAGE_PORT, type Refusal, type ToPage } from "./messages.ts";
import { fillingOf } from "./offer.ts";
import { drawn, makeDrawing, seen } from "./see.ts";
import { makeTrees } from "./shadows.ts";
import { sender } from "./submit.ts";
import { fieldsIn, type Marks, marksFrom, seenIn } from "./teaching.ts";
import { bucket, pace } from "./throttle.ts";

declare global {
  /** For the background, which runs a function in this script's world; pages do not see it. */
  var codefob: { look(asked: number): boolean; stop(): void } | undefined;
}

// What runs in a document that may have a field, or that the popup stands over.
// It says that there is a field, and fills what it is given. It decides nothing
// and keeps nothing.

/** The share of the time that looks may take, what they may take at once, and the longest time between two, in ms. */
const LOOKS = [1 / 50, 100, 500] as const;
/** A page whose field keeps changing tells of it so often at once, and again after so many ms. */
const [OFTEN, SELDOM] = [8, 400];
/** A page that sends a form by itself does so this soon after the last digit, in ms. */
const SENDS_WITHIN = 500;
/** What changes of a page; the attributes are those by which a field changes, comes or goes. */
const CHANGES: MutationObserverInit = {
  subtree: true,
  childList: true,
  characterData: true,
  attributeFilter: (
    "type name id autocomplete inputmode maxlength pattern placeholder for contenteditable " +
    "class style hidden open disabled readonly aria-hidden aria-label aria-selected"
  ).split(" "),
};
/** After these events a field may be there, or be gone, that no observer tells of. */
const SIGNS = ["click", "change", "transitionend", "animationend"];

let port: chrome.runtime.Port | undefined;
let away = false; // not shown, but kept by the browser for the way back
let field: (Field & { readonly append?: boolean }) | undefined; // append: a typed password, behind which a code can be put
let marks: Marks = new Map();
let number = 0; // of the field, raised with each new one
let told = 0; // the number that the background knows; 0: no field
let offered = false;
let before: string | undefined; // what stood in the field when the user was asked
let chip: Chip | undefined;

const { soon, now: scan, stop: rest } = pace(find, ...LOOKS);
const tells = bucket(OFTEN, SELDOM, () => performance.now());
const observer = new MutationObserver(changed);
const drawing = makeDrawing(soon);
const trees = makeTrees(listen);

function start() {
  globalThis.codefob?.stop(); // one of an earlier version of the extension
  globalThis.codefob = { look, stop };
  listen(document);
  document.addEventListener("focusin", focused, true);
  addEventListener("pagehide", (event) => event.isTrusted && leave(), true);
  addEventListener("pageshow", (event) => event.isTrusted && event.persisted && comeBack(), true);
  scan();
}

function listen(root: Document | ShadowRoot) {
  observer.observe(root, CHANGES);
  for (const type of SIGNS) root.addEventListener(type, changed, { capture: true, passive: true });
  soon();
}

function changed() {
  soon();
}

/** The background asks who is here. */
function look(asked: number): boolean {
  if (!chrome.runtime?.id) return false;
  trees.walk(true);
  scan();
  if (!field || field.append) adopt(typedPassword());
  before = field && standing(field);
  tell(asked);
  return true;
}

/** The port ends with the showing: Firefox would keep it for a document that it keeps. */
function leave() {
  away = true;
  told = 0;
  port?.disconnect();
  port = undefined;
}

function comeBack() {
  away = false;
  scan();
}

function focused(event: Event) {
  const target = event.composedPath()[0];
  if (!typed(target)) return;
  const root = target.getRootNode();
  if (root instanceof ShadowRoot) trees.enter(root);
  if (field?.inputs.includes(target) && port) tell();
  else soon();
}

/** Looks for the field again. */
function find() {
  const typed = field?.append && field.inputs[0].isConnected ? field : undefined;
  adopt(best() ?? typed);
  if (told !== (field ? number : 0)) {
    if (tells.pass(0)) tell();
    else soon();
  }
  if (chip || offered) point();
}

/** Makes this the field to offer; one that is not as it was gets a new number. */
function adopt(found: typeof field) {
  const same =
    found?.inputs[0] === field?.inputs[0] &&
    found?.inputs.length === field?.inputs.length &&
    found?.kind === field?.kind;
  if (!same) {
    number++;
    // Where the page put another input in its place, the chip moves on; the background says whether it stays.
    offered &&= found !== undefined && fillingOf({ kind: found.kind }) !== undefined;
  }
  field = found;
}

/** The one password that the user has typed, of a page without a field for a code. */
function typedPassword(): typeof field {
  const typed = [...trees.roots].flatMap((root) =>
    [...root.querySelectorAll<HTMLInputElement>("input[type=password]")].filter((input) => input.value && drawn(input)),
  );
  const [input, other] = typed;
  return input && !other ? { inputs: [input], kind: "none", confidence: 1, reasons: [], append: true } : undefined;
}

/** The field of the page that the user most likely means. */
function best(): Field | undefined {
  let found: Field | undefined;
  let most = 0;
  trees.walk();
  for (const root of trees.roots) {
    for (const each of fieldsIn(root, marks)) {
      if (!each.inputs.every(drawing.drawn)) continue;
      if (each.confidence < SURE && !each.inputs.some(active)) continue; // offered once the user is in it
      const worth = 1 + (takesCode(each.kind) ? 1 : 0) + (each.inputs.some(active) ? 2 : 0);
      if (worth > most) [found, most] = [each, worth];
    }
  }
  return found;
}

/** Tells the background of the field, or that there is none; look is the number it asked with. */
function tell(look?: number) {
  told = field ? number : 0;
  send({
    type: "field",
    focused: field !== undefined && document.hasFocus() && field.inputs.some(active),
    ...(field && { field: { number, kind: field.kind, ...more(field) } }),
    ...(look !== undefined && { look }),
  });
}

/** What else the background is told of a field. */
function more({ kind, inputs, append }: NonNullable<typeof field>) {
  const mask = kind === "otp-sms" || kind === "otp-email" ? sentTo(inputs[0], kind) : "";
  return { ...(mask && { mask }), ...(append && { append }) };
}

function send(message: FromPage) {
  if (away) return;
  try {
    if (!port) {
      port = chrome.runtime.connect({ name: PAGE_PORT });
      port.onMessage.addListener(received);
      port.onDisconnect.addListener(() => {
        port = undefined; // connected again when the user or the background asks
      });
    }
    port.postMessage(message);
  } catch {
    stop();
  }
}

/** Shows the chip at the field, or takes it away. */
function point() {
  chip ??= makeChip(chrome.i18n.getMessage("chip"), () => {
    tell();
    send({ type: "open" });
  });
  chip.at(offered ? field?.inputs : undefined);
}

async function received(message: ToPage) {
  switch (message.type) {
    case "offer":
      offered = message.on;
      point();
      return;
    case "marks":
      marks = marksFrom(message.marks);
      scan();
      tell();
      return;
    case "why": {
      const fields = [...trees.roots].flatMap((root) => seenIn(root, marks, (inputs) => inputs.every(drawn)));
      return send({ type: "seen", ask: message.ask, fields: fields.slice(0, MAX_FIELDS) });
    }
    case "check": {
      const why = await obstacle(message);
      if (why) return send({ type: "filled", fill: message.fill, outcome: { ok: false, why } });
      return send({ type: "ready", fill: message.fill, max: field ? room(field.inputs) : 0 });
    }
    case "fill":
      send({ type: "filled", fill: message.fill, outcome: await take(message) });
      return;
    default:
      message satisfies never;
  }
}

/** What keeps a code out of the field that the user saw, if anything. */
async function obstacle({ field: wanted, origin }: { field: number; origin: string }): Promise<Refusal | undefined> {
  const target = field;
  if (!target || wanted !== number) return "changed";
  if (self.origin !== origin) return "other_origin";
  const value = standing(target);
  if (target.append && !value) return "typed";
  chip?.at(undefined);
  const visible = await seen(target.inputs);
  if (visible !== true) return visible;
  if (wanted !== number) return "changed";
  if (insecure(target.inputs[0])) return "insecure";
  return value !== standing(target) || (value && value !== before) ? "typed" : undefined;
}

async function take(message: Extract<ToPage, { type: "fill" }>): Promise<Outcome> {
  const refuse = (why: Refusal): Outcome => ({ ok: false, why });
  const target = field;
  if (!target) return refuse("changed");
  const { inputs, append } = target;
  const value = standing(target);
  const text = append ? value + message.code : message.code;
  if (message.field === number && !fits(inputs, text)) return refuse("length");
  const why = await obstacle(message);
  if (why && !(why === "typed" && !append && holds(inputs, text))) return refuse(why);
  const send = message.submit && sender(inputs, text);
  const step = await fill(inputs, text);
  if (send) setTimeout(send, SENDS_WITHIN);
  if (!step) {
    if (append) await fill(inputs, value); // what the user typed is not lost
    return refuse("rejected");
  }
  before = undefined;
  return { ok: true, step };
}

/** Whether a form on a secure page would send the code where anybody can read it. */
function insecure(input: Input): boolean {
  if (!self.origin.startsWith("https:")) return false; // not the address: it may be about:srcdoc
  const form = formOf(input);
  if (!form) return false;
  const { getAttribute, querySelectorAll } = Element.prototype; // a form's own can be hidden by inputs of that name
  const buttons = [...querySelectorAll.call(form, "[formaction]")];
  const targets = [getAttribute.call(form, "action"), ...buttons.map((button) => button.getAttribute("formaction"))];
  return targets.some((to) => URL.parse(to ?? "", document.baseURI)?.protocol === "http:");
}

function standing(of: Field): string {
  return of.inputs.map(textOf).join("");
}

function stop() {
  rest();
  trees.stop();
  observer.disconnect();
  drawing.stop();
  for (const root of trees.roots) for (const type of SIGNS) root.removeEventListener(type, changed, true);
  document.removeEventListener("focusin", focused, true);
  chip?.at(undefined);
}

start();
