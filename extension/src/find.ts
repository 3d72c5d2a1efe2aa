import { type Kind, kindOf } from "./kind.ts";

/** Where a page wants a one-time code: one input, or one per character in order. */
export interface Field {
  readonly inputs: readonly [HTMLInputElement, ...HTMLInputElement[]];
  readonly kind: Kind; // never "none"
  readonly why: "autocomplete" | "name" | "label" | "split";
}

/** Words that are said of one-time codes and of little else. */
const STRONG =
  /\b(t?otp|[2mt]fa|one ?time|(two|2) ?(factor|step)|authenticator|(verif\w+|auth\w*|log ?in|sign ?in|sms|security|confirm\w*|access|digits?|e ?mail|device|token) ?(pass)?code|pass ?code)/;
/** Names that say nothing alone, and something where the text around them is about a second factor. */
const WEAK = /\b(code|token|pin|challenge|response|answer|factor|verif|digit)/;
/** What the text around a weakly named field must say. */
const ABOUT =
  /(two|2) (factor|step)|\b[2m]fa\b|one time|authenticator|(authentication|verification|security|login|digit) (app|code)|passcode|verify (it s you|your)/;
/** What rules a field out, in its own words. */
const OTHER =
  /\b(cards?|cv[vcn]|csc|expir|zip|post(al| ?code)|area|promo|coupon|voucher|gift|discount|refer|invit|captcha|picture|image|licen|serial|product|order|booking|tracking|swift|iban|sort|bank|tax|vat|search|filter|query|period|interval|issuer|(app|full|first|last) ?name|birth|date|day|month|year|quantity|amount|seed|url|room|meeting|class|game|join|colou?r|dial)\b/;
/** What rules out a weakly named one too. */
const ALSO =
  /\b(phone|tel|mobile|country|e ?mail|user|login|password|pwd|digits|label|secret|activation|(key|device) ?name)\b/;

const TEXTS = new Set(["text", "tel", "number", "password", "search", ""]);

/** Lower case; camelCase, dashes and underscores become spaces. */
export function words(text: string): string {
  return text
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .replace(/[^a-z0-9@*]+/g, " ")
    .trim();
}

/** Finds the fields for one-time codes in one tree. Reads the document, changes nothing, forces no layout. */
export function findFields(root: Document | ShadowRoot): Field[] {
  const inputs = [...root.querySelectorAll("input")].filter(
    (input) => TEXTS.has(input.type) && !input.readOnly && !input.disabled,
  );
  if (inputs.length === 0) return [];
  const labels = labelled(root);
  const fields: Field[] = [];
  for (let i = 0; i < inputs.length; ) {
    const boxes = row(inputs, i);
    const first = boxes[0];
    if (!first) break;
    i += boxes.length;
    const field = judge([first, ...boxes.slice(1)], labels);
    if (field) fields.push(field);
  }
  return fields;
}

function judge(inputs: Field["inputs"], labels: Map<Element, string>): Field | undefined {
  const [input] = inputs;
  const one = inputs.some((box) =>
    /\bone-time-code\b/i.test(box.autocomplete || box.getAttribute("autocomplete") || ""),
  );
  const name = words(
    ["name", "id", "placeholder", "aria-label", "title", "data-testid"]
      .map((a) => input.getAttribute(a) ?? "")
      .join(" "),
  );
  const label = labels.get(input) ?? described(input);
  const own = `${name} ${label}`;
  let why: Field["why"] | undefined;
  if (one) why = "autocomplete";
  else if (/\b(cc-|postal|tel|bday|username|new-password|email)/.test(input.autocomplete)) return undefined;
  else if (inputs.length > 1) why = OTHER.test(own) ? undefined : "split";
  else if (!rightSize(input)) return undefined;
  else if (STRONG.test(name)) why = "name";
  else if (STRONG.test(label)) why = "label";
  const strong = why !== undefined;
  if (strong && !one && OTHER.test(own)) return undefined;
  if (!strong && (!WEAK.test(own) || OTHER.test(own) || ALSO.test(own))) return undefined;
  const near = nearby(input);
  if (!strong && !ABOUT.test(near)) return undefined;
  if (why === "split" && ![WEAK, STRONG, ABOUT].some((rule) => rule.test(`${own} ${near}`))) return undefined;
  if (why === "split" && /\b(licen[cs]e|serial|product key|birth|card number)\b/.test(near)) return undefined;
  const kind = kindOf({ own, near });
  return { inputs, kind, why: why ?? "name" };
}

/** Whether a code of 4 to 10 characters fits, and not a sentence. */
function rightSize(input: HTMLInputElement): boolean {
  return input.maxLength < 0 || (input.maxLength >= 4 && input.maxLength <= 64);
}

/** The boxes that start at inputs[at]: a row of 4 to 10 for one character each, or that one input. */
function row(inputs: readonly HTMLInputElement[], at: number): HTMLInputElement[] {
  const box = (input: HTMLInputElement, first: boolean) =>
    input.maxLength === 1 ||
    (first && input.maxLength > 1 && input.maxLength <= 10) ||
    /\bone-time-code\b/.test(input.autocomplete);
  let end = at + 1;
  const first = inputs[at];
  if (!first) return [];
  while (end < inputs.length) {
    const next = inputs[end];
    if (!next || !box(next, false) || next.form !== first.form || next.type !== first.type) break;
    end++;
  }
  const boxes = inputs.slice(at, end);
  return boxes.length >= 4 && boxes.length <= 10 && box(first, true) ? boxes : [first];
}

/** The labels of a tree, by their control; read once, as asking each input for its labels walks the tree each time. */
function labelled(root: Document | ShadowRoot): Map<Element, string> {
  const found = new Map<Element, string>();
  for (const label of root.querySelectorAll("label")) {
    const text = words((label.textContent ?? "").slice(0, 200));
    const control = text ? label.control : null;
    if (control) found.set(control, `${found.get(control) ?? ""} ${text}`.trim());
  }
  return found;
}

function described(input: HTMLInputElement): string {
  const ids = `${input.getAttribute("aria-labelledby") ?? ""} ${input.getAttribute("aria-describedby") ?? ""}`.trim();
  if (!ids) return "";
  const root = input.getRootNode() as Document | ShadowRoot;
  return words(
    ids
      .split(/\s+/)
      .slice(0, 4)
      .map((id) => root.getElementById(id)?.textContent?.slice(0, 200) ?? "")
      .join(" "),
  );
}

/** The text around an input: the smallest enclosing part of the page that says something, at most 700 characters. */
function nearby(input: HTMLInputElement): string {
  let text = "";
  let node: Node | null = input;
  for (let depth = 0; node && depth < 12; depth++) {
    const up: Node | null = node.parentNode ?? null;
    node = up && "host" in up ? (up as ShadowRoot).host : up;
    if (!(node instanceof Element)) break;
    const wider = plain(node);
    if (wider.length > 700 && text.length > 20) break;
    text = wider.slice(0, 700);
    if (text.length > 240) break;
  }
  return words(text);
}

/** An element's text without scripts and styles, a little over what nearby keeps. */
function plain(element: Element): string {
  const walker = element.ownerDocument.createTreeWalker(element, 4 /* text */);
  let text = "";
  for (let node = walker.nextNode(); node && text.length < 720; node = walker.nextNode()) {
    const part = (node.nodeValue ?? "").trim();
    if (part && !/^(script|style|option|noscript|template)$/i.test(node.parentElement?.tagName ?? ""))
      text += `${part} `;
  }
  return text;
}
