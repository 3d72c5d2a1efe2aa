import { attribute, type Input, typedIn, writable } from "./editable.ts";

/** One input, or one for each character in order. */
export type Inputs = readonly [Input, ...Input[]];

const FEWEST = 4;
const MOST = 10;
const NUMBERED = /(digit|otp|code|char|box|pin|token)\D{0,8}\d$/i;

/** The inputs of a tree that could take a code, those that belong together as one. */
export function groups(root: Document | ShadowRoot): Inputs[] {
  const inputs = [...typedIn(root)].filter(writable);
  const found: Inputs[] = [];
  for (let at = 0; at < inputs.length; ) {
    const boxes = row(inputs, at);
    if (!boxes[0].disabled) found.push(boxes); // those behind it are disabled by some pages until it is filled
    at += boxes.length;
  }
  return found;
}

/** The boxes that start at inputs[at]: a row of 4 to 10 for one character each, two for half a code each, or that one input. */
function row(inputs: readonly Input[], at: number): Inputs {
  const first = inputs[at] as Input;
  const second = inputs[at + 1];
  const two = second && part(first, second) && second.maxLength === first.maxLength && second.type === first.type;
  if (two && !part(second, inputs[at + 2]) && !part(second, inputs[at - 1])) return [first, second];
  const { maxLength = 0 } = first;
  const fits = box(first) || twins(first, inputs[at + 1]) || (maxLength > 1 && maxLength <= MOST);
  let end = at + 1;
  for (; fits && end < inputs.length; end++) {
    const next = inputs[end];
    const like = next && (box(next) || twins(inputs[end - 1] as Input, next));
    if (!like || next.form !== first.form || next.type !== first.type || apart(first, next)) break;
    if (drawn(next) !== drawn(first)) break; // the same boxes again, for narrow screens
  }
  const rest = inputs.slice(at + 1, end);
  return fits && rest.length + 1 >= FEWEST && rest.length < MOST ? [first, ...rest] : [first];
}

/** Whether an input takes one character: it says so, or is numbered among its like. */
function box(input: Input): boolean {
  if (input.maxLength && input.maxLength > 0) return input.maxLength === 1;
  if (input.max === "9") return true;
  if (input.size === 1 || /^(\[[^\]]+\]|\\d|\.)(\{1\})?$/.test(input.pattern ?? "")) return true;
  if (/\b1\b.*\b[1-9]\b|\b[1-9]\D+\b(4|5|6|7|8)\b/.test(attribute(input, "aria-label"))) return true;
  if (oneTime(input)) return true;
  return [input.id || (input.name ?? ""), attribute(input, "aria-label")].some((name) => NUMBERED.test(name));
}

/** Whether another input in the same element takes 3 or 4 characters as this one does, and has no word of its own. */
function part(one: Input, other: Input | undefined): boolean {
  const small = ({ maxLength, placeholder, labels }: Input) =>
    (maxLength === 3 || maxLength === 4) && !/\p{L}/u.test(placeholder ?? "") && !labels?.length;
  return other !== undefined && one.parentElement === other.parentElement && small(one) && small(other);
}

/** Whether an input is marked as one for a one-time code. Firefox does not give that word in the property. */
export function oneTime(input: Input): boolean {
  return /\bone-time-code\b/i.test(attribute(input, "autocomplete"));
}

/** Whether two inputs stand side by side, for numbers, styled alike and without a word of their own. */
function twins(one: Input, other: Input | undefined): boolean {
  if (!other || one.nextElementSibling !== other) return false;
  return [one, other].every(
    ({ inputMode, className, maxLength, name, placeholder, ariaLabel, labels }) =>
      inputMode === "numeric" &&
      className === one.className &&
      (maxLength ?? 0) < 2 &&
      !(name || placeholder || ariaLabel || labels?.length),
  );
}

function drawn(input: Input): boolean {
  return input.checkVisibility?.() ?? true;
}

/** Whether two inputs are further from each other than the boxes of a row. */
function apart(one: Element, other: Element): boolean {
  let around: Node | null = one; // up to a shadow root, where that is all around them
  for (let up = 0; up < 5 && around && !around.contains(other); up++) around = around.parentNode;
  return !around?.contains(other);
}
