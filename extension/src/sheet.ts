import { type Concept, hear, said } from "./concepts.ts";

// Finds the recovery codes that a site shows, once the user asks for it. The
// background loads it then and calls codefobSheet(); it changes nothing.

declare global {
  var codefobSheet: (() => unknown) | undefined;
}

/** The codes that the user selected, and those that the page lists by itself; each in the page's order, once. */
export interface Sheet {
  readonly selected: readonly string[];
  readonly listed: readonly string[];
}

/** The fewest codes that are a list of them; the most that are given. */
const [LEAST, MOST] = [4, 100];
/** A list that nothing near it calls one of recovery codes has to have so many. */
const LEAST_BARE = 6;
/** Of characters, without spaces and dashes; and of a text that is looked at for codes. */
const [SHORTEST, LONGEST, LINE] = [6, 40, 400];
/** The most nodes that are read, and the most lines of one text. */
const [NODES, LINES] = [60_000, 2000];
/** How many lines before and behind a list may say what it is. */
const [BEFORE, BEHIND] = [8, 3];

/** What a page is about that may list recovery codes. */
const ABOUT: readonly Concept[] = ["recovery code", "two-factor", "authenticator app"];
/** How days, telephone numbers and numbers of cards are written. */
const NUMBERS = /^(x{4}-xx-xx|xx-xx-x{4}|x{3}-x{4}|x{3}[ -]x{3}[ -]x{4}|x{4}([ -])x{4}\2x{4}\2x{4}|xx xx xx xx xx)$/;

const SKIPPED = new Set([
  "SCRIPT",
  "STYLE",
  "NOSCRIPT",
  "TEMPLATE",
  "SVG",
  "NAV",
  "FOOTER",
  "SELECT",
  "DEL",
  "S",
  "HEAD",
]);
/** What stands in a line with what is around it. */
const INLINE = new Set([
  "B",
  "STRONG",
  "I",
  "EM",
  "SPAN",
  "FONT",
  "SMALL",
  "CODE",
  "KBD",
  "SAMP",
  "TT",
  "U",
  "WBR",
  "MARK",
]);

/** One line of the page; heading: it titles what comes after it. */
interface Line {
  readonly text: string;
  readonly heading: boolean;
}

/** What the user selected in a document and what it lists. */
export function findSheet(document: Document): Sheet {
  hear(document.documentElement.lang);
  return { selected: once(selectedIn(document)), listed: once(listedIn(document)) };
}

function once(codes: readonly string[]): string[] {
  return [...new Set(codes)].slice(0, MOST);
}

// The page's own list.

function listedIn(document: Document): readonly string[] {
  const lines = linesOf(document);
  const often = repeated(lines);
  const whole = [document.title, ...lines.map(({ text }) => text)];
  let known: boolean | undefined;
  const about = () => (known ??= ABOUT.some((concept) => whole.some((text) => said(text).has(concept))));
  let best: { codes: readonly string[]; worth: number } | undefined;
  for (let i = 0; i < lines.length; i++) {
    const run = runFrom(lines, i, often);
    if (!run) continue;
    const worth = worthOf(run.codes, lines, i, run.end, document.title, about);
    if (worth > 0 && worth > (best?.worth ?? 0)) best = { codes: run.codes, worth };
    i = run.end - 1;
  }
  return best?.codes ?? [];
}

/** The codes of one shape that follow each other from a line on; what stands beside each of them counts for nothing. */
function runFrom(lines: readonly Line[], from: number, often: ReadonlySet<string>) {
  const shape = lines[from]?.heading ? undefined : shapeOf(codesIn(lines[from]?.text ?? "")[0]);
  if (!shape) return undefined;
  const codes: string[] = [];
  let end = from;
  for (let i = from; i < lines.length; i++) {
    const { text, heading } = lines[i] ?? { text: "", heading: false };
    const found = codesIn(text);
    if (!heading && found.length > 0 && found.every((each) => shapeOf(each) === shape)) {
      codes.push(...found);
      end = i + 1;
    } else if (heading || !(/^[\W\d_]{0,3}$/.test(text) || often.has(bare(text)))) break;
  }
  return { codes: alike([...new Set(codes)]), end };
}

/** Codes without what stands above or below them and is as long by chance: "Download". */
function alike(codes: readonly string[]): readonly string[] {
  const most = (is: RegExp) => codes.filter((code) => is.test(code)).length * 2 > codes.length;
  const kinds = [/^[\d -]+$/, /^[\da-z -]+$/, /^[\dA-Z -]+$/].filter(most);
  const [kind = /^/] = kinds;
  const word = most(/\d/) ? (code: string) => /^([A-Z][a-z]+|[A-Z]+|[a-z]+)$/.test(code) && wordy(code) : () => false;
  const odd = (code: string | undefined) => code !== undefined && (!kind.test(code) || word(code));
  const left = [...codes];
  while (odd(left[0])) left.shift();
  while (odd(left.at(-1))) left.pop();
  return left;
}

/** Words have more vowels than what is drawn by lot. */
function wordy(text: string): boolean {
  const letters = text.replace(/[^a-z]/gi, "");
  return (letters.match(/[aeiou]/gi)?.length ?? 0) >= letters.length * 0.3;
}

/** How likely these are recovery codes; 0 for not. */
function worthOf(
  codes: readonly string[],
  lines: readonly Line[],
  start: number,
  end: number,
  title: string,
  about: () => boolean,
): number {
  if (codes.length < LEAST || codes.length > MOST) return 0;
  const heading = lines.slice(0, start).findLastIndex((line) => line.heading);
  let first = Math.max(heading, start - BEFORE, 0);
  while (first === heading && lines[first - 1]?.heading) first--; // a title above a title
  const next = lines.slice(end, end + BEHIND).findIndex((line) => line.heading);
  const before = [...lines.slice(first, start), ...(heading < 0 ? [] : lines.slice(heading, heading + 1))];
  const behind = lines.slice(end, end + (next < 0 ? BEHIND : next));
  const near = [...before, ...behind].map(({ text }) => text);
  const speaks = (texts: readonly string[], of: Concept) => texts.some((text) => said(text).has(of));
  const named = speaks(near, "recovery code") || speaks([title], "recovery code");
  const closest = before.slice(-3).map(({ text }) => text);
  const other = (["voucher", "activation, licence, order", "phone number", "card"] as const).some((concept) =>
    speaks(closest, concept),
  );
  if (other && !speaks(closest, "recovery code")) return 0;
  if (!random(codes, named)) return 0;
  if (named) return 1000 + codes.length;
  return codes.length >= LEAST_BARE && about() ? codes.length : 0;
}

/** Whether codes are as if drawn by lot: no dates, numbers in a row, words, or what begins alike. */
function random(codes: readonly string[], named: boolean): boolean {
  const plain = codes.map((code) => code.replace(/[\s-]/g, ""));
  const [first = ""] = plain;
  const digits = plain.every((code) => /^\d+$/.test(code));
  let same = 0;
  while (same < first.length && plain.every((code) => code[same] === first[same])) same++;
  if (same >= 3 || first.length - same < 4) return false;
  if (digits) {
    const shape = shapeOf(codes[0]) ?? "";
    if (NUMBERS.test(shape)) return false;
    const sorted = [...plain].sort();
    const order = plain.join();
    if (!named && (order === sorted.join() || order === sorted.reverse().join())) return false;
    if (plain.every((code) => /^(19|20)\d{6}$/.test(code))) return false; // days
    return named || first.length >= 8;
  }
  const mixed = plain.filter((code) => /\d/.test(code) && /[a-z]/i.test(code)).length;
  if (mixed * 3 >= plain.length) return true;
  return named && !wordy(plain.join(""));
}

// One text.

/** The codes in a line: one, or several in columns. What numbers them is left out. */
export function codesIn(line: string): readonly string[] {
  const parts = line
    .slice(0, LINE)
    .replace(/[\u2010-\u2015\u2212]/g, "-")
    .split(/\t|[ \u00a0\u2000-\u200a]{2,}|\s+[|·•,;/]\s+|[,;|]\s*|(?<=[\w-]{6})\s+(?=\d{1,2}[.):]\s)/)
    .map((part) =>
      part
        .replace(/\s+/g, " ")
        .replace(/^[-*•·●◦▪☐✓✔"'“„(\s]*(\p{L}{0,20} ?\d{1,2}[.):] ?)?/u, "")
        .replace(/[.,;:"'”)✓✔\s]+$/, ""),
    )
    .filter((part) => part !== "" && !/^\d{1,2}$/.test(part));
  const codes = parts.flatMap(apart);
  return codes.every(isCode) ? codes : [];
}

/** Several codes with one space between, or one that has spaces in it, or one before a word or two ("not used"). */
function apart(part: string): readonly string[] {
  const groups = part.split(" ");
  const [code = "", ...words] = groups;
  const told = words.length > 0 && words.length < 4 && words.every((word) => /^\p{L}+$/u.test(word)) && !isCode(part);
  if (told && isCode(code) && /\d/.test(code)) return [code];
  return groups.length > 1 && groups.every((group) => group.replace(/-/g, "").length >= SHORTEST) ? groups : [part];
}

/** Whether a text could be a code at all: groups of letters and digits, of one length where spaces part them. */
function isCode(text: string): boolean {
  if (!/^[A-Za-z0-9]+([ -][A-Za-z0-9]+)*$/.test(text)) return false;
  const groups = text.split(/[ -]/);
  const { length } = groups.join("");
  if (length < SHORTEST || length > LONGEST) return false;
  const [first = ""] = groups;
  if (text.includes(" ") && !groups.every((group) => group.length === first.length && group.length >= 2)) return false;
  return groups.length === 1 || groups.every((group) => group.length <= 12);
}

/** Its letters and digits as x. */
function shapeOf(code: string | undefined): string | undefined {
  return code?.replace(/[A-Za-z0-9]/g, "x");
}

// What the user selected.

function selectedIn(document: Document): readonly string[] {
  const text = selection(document);
  const found = text.split("\n", LINES).map((line) => codesIn(line));
  const codes = found.flat();
  const counts = new Map<string, number>();
  for (const code of codes) counts.set(shapeOf(code) ?? "", (counts.get(shapeOf(code) ?? "") ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  const chosen = codes.filter((code) => counts.get(shapeOf(code) ?? "") === most);
  // One alone has to look like a code; of several of one shape a word may be one by chance.
  return most > 1 ? chosen : chosen.filter((code) => /\d/.test(code)).slice(0, 1);
}

function selection(document: Document): string {
  let { activeElement } = document;
  let texts = document.getSelection()?.toString() ?? "";
  while (activeElement?.shadowRoot) {
    const root: ShadowRoot & { getSelection?(): Selection | null } = activeElement.shadowRoot;
    texts ||= root.getSelection?.()?.toString() ?? "";
    activeElement = root.activeElement;
  }
  if (isField(activeElement)) {
    const { value, selectionStart, selectionEnd } = activeElement;
    const part = value.slice(selectionStart ?? 0, selectionEnd ?? 0);
    if (part) return part;
  }
  return texts.slice(0, LINES * LINE);
}

function isField(element: Element | null | undefined): element is HTMLInputElement | HTMLTextAreaElement {
  return (
    element?.localName === "textarea" ||
    (element?.localName === "input" && /^(text|)$/.test((element as HTMLInputElement).type))
  );
}

// The lines of a page.

/** The texts of a document that people can see, line by line, shadow trees and frames of the same origin included. */
function linesOf(document: Document): readonly Line[] {
  const lines: Line[] = [];
  let nodes = 0;
  let text = "";
  let heading = false;

  function end() {
    const whole = text.replace(/^\s+|\s+$/g, "");
    if (whole) lines.push({ text: whole.slice(0, LINE), heading });
    text = "";
  }
  function take(value: string) {
    end();
    for (const line of value.split("\n", LINES)) {
      text = line;
      end();
    }
  }
  function walk(node: Node): void {
    if (++nodes > NODES) return;
    if (node.nodeType === 3) {
      const value = node.nodeValue ?? "";
      if (kept(node.parentElement)) return take(value);
      text += value.replace(/[\n\r\t]+ */g, " ");
      return;
    }
    if (node.nodeType !== 1 && node.nodeType !== 11) return;
    if (node.nodeType === 11) return node.childNodes.forEach(walk);
    const element = node as HTMLElement;
    if (SKIPPED.has(element.tagName.toUpperCase()) || hidden(element)) return;
    if (element.localName === "br") return end();
    if (isField(element)) {
      if (element.localName === "textarea" || element.readOnly || element.disabled) take(element.value);
      return;
    }
    if (element.localName === "iframe") return frame(element as HTMLIFrameElement);
    const inline = INLINE.has(element.tagName) && displayed(element) && !beside(element);
    if (!inline) end();
    const was = heading;
    heading ||= /^H[1-6]$/.test(element.tagName) || element.getAttribute("role") === "heading";
    if (element.shadowRoot) walk(element.shadowRoot);
    element.childNodes.forEach(walk);
    if (!inline) end();
    heading = was;
  }
  function frame(element: HTMLIFrameElement) {
    end();
    let inner: Document | null = null;
    try {
      inner = element.contentDocument;
    } catch {
      // of another origin
    }
    if (inner?.body) walk(inner.body);
  }

  if (document.body) walk(document.body);
  end();
  return lines;
}

/** Whether the breaks of a text are seen. */
function kept(element: Element | null): boolean {
  if (!element) return false;
  if (element.closest("pre")) return true;
  return /^(pre|break-spaces)/.test(getComputedStyle(element).whiteSpace);
}

function hidden(element: HTMLElement): boolean {
  if (!(element.checkVisibility?.({ visibilityProperty: true }) ?? true)) return true;
  const { display, visibility, textDecorationLine } = getComputedStyle(element);
  return display === "none" || visibility === "hidden" || /line-through/.test(textDecorationLine ?? "");
}

function displayed(element: Element): boolean {
  return /^(|inline|contents)$/.test(getComputedStyle(element).display);
}

/** Whether it and another of its kind stand side by side with nothing between them: two columns, not one text. */
function beside(element: Element): boolean {
  const alike = (node: Node | null) => node instanceof Element && node.tagName === element.tagName;
  const whole = isCode((element.textContent ?? "").trim());
  return whole && (alike(element.previousElementSibling) || alike(element.nextElementSibling));
}

/** Texts that stand at least three times in a page, numbers apart: "Copy", "Code 1", "Not used". */
function repeated(lines: readonly Line[]): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const { text } of lines) if (text.length < 40) counts.set(bare(text), (counts.get(bare(text)) ?? 0) + 1);
  return new Set([...counts].flatMap(([text, count]) => (count > 2 && text ? [text] : [])));
}

function bare(text: string): string {
  return text
    .replace(/[\d\W_]+/g, " ")
    .trim()
    .toLowerCase();
}

globalThis.codefobSheet = () => findSheet(document);
