import { groups, type Inputs } from "./boxes.ts";
import { active, attribute, end, forget, type Input, locked, select, setText, textOf } from "./editable.ts";
import type { Step } from "./messages.ts";
import { inSight } from "./see.ts";

/** What an event has that a real one has. */
const LIKE_REAL = { bubbles: true, cancelable: true, composed: true };

/** Whether a code is in a field, as the page shows it: spaces and dashes between its characters do not count. */
export function holds(inputs: Inputs, code: string): boolean {
  const value = inputs.map(textOf).join("");
  return plain(value) === plain(code);
}

function plain(text: string): string {
  return text.replace(/[\s-]/g, "");
}

/** How many characters a field takes, 0 for no bound: one a box, half of them in each of two, or what the input says. */
export function room(inputs: Inputs): number {
  return inputs.length > 2 ? inputs.length : Math.max(0, inputs.length * (inputs[0].maxLength ?? 0));
}

/** Whether a code can fit: all of several boxes, or not more than the input takes. */
export function fits(inputs: Inputs, code: string): boolean {
  const most = room(inputs);
  return inputs.length > 1 ? most === code.length : most === 0 || most >= code.length;
}

/**
 * Puts a code into a field: as a paste, else key by key, else as a value; reads
 * it back after each, once settle has let the page's own code run. Returns the
 * step that held; undefined, with the field empty, when none did.
 */
export async function fill(inputs: Inputs, code: string, settle = twoFrames): Promise<Step | undefined> {
  const steps: readonly [Step, (field: () => Inputs, code: string) => unknown][] = [
    ["paste", paste],
    ["keys", keys],
    ["value", values],
  ];
  const field = follow(inputs);
  clear(inputs);
  for (const [step, put] of steps) {
    if ((await put(field, code)) === false) continue;
    const held = holds(field(), code);
    await settle();
    // A page that sends the form by itself takes the field away or locks it once the code is complete.
    if (holds(field(), code) || (held && taken(field()))) return step;
    // It may also have emptied it for the next try: what it sent already must not be sent again.
    if (held && holds(field(), "")) return undefined;
    clear(field());
  }
  return undefined;
}

/** Gives a field as it is now: a page may make its inputs anew at any key. */
function follow(inputs: Inputs): () => Inputs {
  const root = inputs[0].getRootNode() as Document | ShadowRoot;
  let now = inputs;
  for (const input of now) forget(input);
  return () => {
    if (now.every((input) => input.isConnected)) return now;
    const made = groups(root).find(
      (group) =>
        group.length === now.length &&
        group.every((input, i) => alike(input, now[i] as Input)) &&
        inSight(group) === true,
    );
    made?.forEach((input, i) => forget(input, now[i]));
    now = made ?? now;
    return now;
  };
}

function alike(one: Input, other: Input): boolean {
  const names =
    one instanceof HTMLInputElement
      ? ["type", "name", "maxlength", "autocomplete"]
      : ["contenteditable", "role", "id", "aria-label"];
  // A clone has what was changed of the other, too.
  const said = (name: string) => [attribute(other, name), other.getAttribute(name)];
  return names.every((name) => said(name).includes(attribute(one, name)));
}

/** Whether a page has taken a field away, or locked it. */
export function taken(inputs: Inputs): boolean {
  return inputs.some((input) => !input.isConnected || locked(input));
}

/** False when the page let the paste pass: nothing is inserted then, and there is nothing to wait for. */
function paste(field: () => Inputs, code: string): boolean {
  const [first] = field();
  focus(first);
  const data = new DataTransfer();
  data.setData("text/plain", code);
  // Firefox hides from the page what is in a DataTransfer of ours, and makes one from these two words of its own.
  const init = { dataType: "text/plain", data: code, clipboardData: data, ...LIKE_REAL };
  const event = new ClipboardEvent("paste", init);
  return !first.dispatchEvent(event);
}

async function keys(field: () => Inputs, code: string): Promise<void> {
  for (const [i, key] of [...code].entries()) {
    const inputs = field();
    const share = code.length / inputs.length;
    const input = inputs[Math.floor(i / share)];
    if (!input) return;
    focus(input);
    const init = {
      key,
      code: /\d/.test(key) ? `Digit${key}` : `Key${key}`,
      keyCode: key.charCodeAt(0),
      ...LIKE_REAL,
    };
    if (input.dispatchEvent(new KeyboardEvent("keydown", init))) {
      if (inputs.length > 1 && i % share === 0) select(input);
      else end(input);
      // It is inserted where the focus is, and the page may have moved that.
      if (field().some(active)) input.ownerDocument.execCommand("insertText", false, key);
    }
    input.dispatchEvent(new KeyboardEvent("keyup", init));
    if (inputs.length > 1) await pause();
  }
}

/** Puts the focus into an input, and says so to the page where the browser does not: while the popup has the focus. */
function focus(input: Input): void {
  if (active(input)) return;
  let said = false;
  input.addEventListener("focus", () => (said = true), { once: true, capture: true });
  input.focus();
  if (said) return;
  for (const type of ["focus", "focusin"])
    input.dispatchEvent(new FocusEvent(type, { bubbles: type === "focusin", composed: true }));
}

async function values(field: () => Inputs, code: string): Promise<void> {
  const { length } = field();
  const share = code.length / length;
  for (let i = 0; i < length; i++) {
    const input = field()[i];
    if (!input) return;
    focus(input);
    set(input, code.slice(i * share, (i + 1) * share));
    input.dispatchEvent(new Event("change", { bubbles: true }));
    if (length > 1) await pause();
  }
}

function clear(inputs: Inputs): void {
  for (const input of inputs) if (textOf(input)) set(input, "");
}

/** Sets a value past the page's own setters, which a content script's view of the element does not have. */
function set(input: Input, value: string): void {
  setText(input, value);
  const init = value ? { inputType: "insertText", data: value } : { inputType: "deleteContentBackward" };
  input.dispatchEvent(new InputEvent("input", { ...init, bubbles: true, composed: true }));
}

/** Lets the page's own code run between two boxes: some widgets never end when they are filled in one go. */
const pause = () => new Promise((resolve) => setTimeout(resolve));

/** Two frames, or 100 ms in a page that draws none. */
function twoFrames(): Promise<unknown> {
  const frames = new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return Promise.race([frames, new Promise((resolve) => setTimeout(resolve, 100))]);
}
