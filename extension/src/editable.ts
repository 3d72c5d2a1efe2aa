/** What takes a code, or one character of it. */
export type Input = HTMLInputElement | Editable;

/** An element that people write into as if it were an input. It has none of the properties that only inputs have. */
export type Editable = HTMLElement & {
  readonly [each in Exclude<keyof HTMLInputElement, keyof HTMLElement>]?: undefined;
};

/** What may be such an element. */
export const EDITABLE = "[contenteditable]:not([aria-multiline=true])";
const TYPED = `input,${EDITABLE}`;
/** Those without a property of their own by an input's name. */
const PLAIN = /^(div|span|p)$/;

const TEXTS = new Set(["text", "tel", "number", "password", "search", ""]);
const ON = /^(|true|plaintext-only)$/i;
const ROLE = /^(|textbox|spinbutton)$/;
/** An editor's children, and whatever else is in it, are no inputs. */
const EDITOR = "[contenteditable]:not([contenteditable=false])";
/** What a browser or a page leaves in a line of text. */
const LINE = "br:only-child,span,b";
/** Of characters; and the height of one line in large type, in CSS pixels. */
const [LONGEST, TALLEST] = [12, 120];

/** Whether this is an input or may be like one. A form's own `matches` can be hidden by an input of that name. */
export function typed(element: unknown): element is Input {
  return element instanceof HTMLElement && Element.prototype.matches.call(element, TYPED);
}

/** The inputs of a tree and what may be like them, in order. */
export function typedIn(root: ParentNode): NodeListOf<Input> {
  return root.querySelectorAll<Input>(root.querySelector(EDITABLE) ? TYPED : "input"); // both at once take five times as long
}

export function formOf(input: Input): HTMLFormElement | null {
  return input.form ?? input.closest("form");
}

/** Whether one of these takes text: an input of that sort, or an element that holds a few characters and no more. */
export function writable(input: Input): boolean {
  if (input instanceof HTMLInputElement) return TEXTS.has(input.type) && !input.readOnly;
  if (!PLAIN.test(input.localName) || !ROLE.test(attribute(input, "role")) || locked(input)) return false;
  if (input.parentElement?.closest(EDITOR)) return false;
  return input.querySelector(`:not(${LINE})`) === null && textOf(input).length <= LONGEST;
}

/** Whether the page lets nobody write into it now. */
export function locked(input: Input): boolean {
  if (input instanceof HTMLInputElement) return input.disabled || input.readOnly;
  const said = (name: string) => input.getAttribute(name);
  return !ON.test(said("contenteditable") ?? "no") || [said("aria-readonly"), said("aria-disabled")].includes("true");
}

/** What autocomplete said of the inputs where it was changed. */
const before = new WeakMap<Element, string>();

/**
 * Has browsers keep nothing of what comes into an input: not among the forms that were sent, nor for a session that
 * is opened again. For good: it may be sent at any time. like: the input in whose place the page put it.
 */
export function forget(input: Input, like = input): void {
  before.set(input, attribute(like, "autocomplete"));
  input.setAttribute("autocomplete", "off");
}

/** What the page says by an attribute, "" where it says nothing. */
export function attribute(of: Element, name: string): string {
  const said = of.getAttribute(name) ?? "";
  return name === "autocomplete" && said === "off" ? (before.get(of) ?? said) : said;
}

/** Whether it is higher than a line, as where people write notes. Forces layout. */
export function tall(input: Input): boolean {
  return !(input instanceof HTMLInputElement) && input.offsetHeight > TALLEST;
}

/** Whether it has the focus, within its tree. */
export function active(input: Input): boolean {
  return (input.getRootNode() as Document | ShadowRoot).activeElement === input;
}

/** What is in it, without the blanks by which pages keep an empty element in shape. */
export function textOf(input: Input): string {
  return input instanceof HTMLInputElement ? input.value : input.textContent.replaceAll("\u200b", "").trim();
}

/** Puts a text in the place of all that is in it. */
export function setText(input: Input, text: string): void {
  if (input instanceof HTMLInputElement) input.value = text;
  else input.textContent = text;
}

/** Has what is typed next take the place of all that is in it. */
export function select(input: Input): void {
  if (input instanceof HTMLInputElement) input.select();
  else input.ownerDocument.getSelection()?.selectAllChildren(input);
}

/** Has what is typed next come behind all that is in it. Of an input the focus does that in every browser. */
export function end(input: Input): void {
  if (input instanceof HTMLInputElement) return;
  select(input);
  input.ownerDocument.getSelection()?.collapseToEnd();
}
