import type { Inputs } from "./boxes.ts";
import { code, said } from "./concepts.ts";
import { attribute } from "./editable.ts";

/** At most so many nodes are looked at before and behind a field, and so many characters of text kept. */
const NODES = 160;
const TEXT = 700;

interface Walk {
  readonly blocks: { text: string; block: Element | null }[]; // in the order of the walk
  readonly beyond: { text: string; block: Element | null }[]; // behind another field
  readonly choices: string[]; // links and buttons
  button: string;
  picture: "qr" | "captcha" | undefined;
}

/** What stands around a field. */
export function surroundings(inputs: Inputs) {
  const { home, alone } = block(inputs);
  const before = walk(inputs, home, "previousNode");
  const behind = walk(inputs, home, "nextNode");
  const lead = before.blocks.map(({ text }) => text);
  const near = [...lead, ...behind.blocks.map(({ text }) => text)].join(" ");
  return {
    alone,
    caption: caption(before.blocks[0]),
    lead: lead.flatMap(sentences).map(said),
    far: before.beyond.flatMap(({ text }) => sentences(text)).map(said),
    after: behind.blocks.flatMap(({ text }) => sentences(text)).map(said),
    links: said([...before.choices, ...behind.choices].join(" | ")),
    button: said(behind.button),
    mask: mask(near),
    picture: before.picture ?? behind.picture,
    key: /\b([A-Z2-7]{4}[ -]?){4,}\b|\b([a-z2-7]{4} ){3,}[a-z2-7]{4}\b/.test(near),
  };
}

/** The words right before a field, where they are few and no heading or sentence: a label that is not marked as one. */
function caption(first: Walk["blocks"][number] | undefined): string {
  if (!first?.block || /^(h\d|p|legend)$/.test(first.block.localName)) return "";
  return first.text.length < 40 && !/[.!?。]\s*$/.test(first.text) ? first.text : "";
}

/** A masked or full address, or the end of a number. */
function mask(text: string): "phone" | "email" | undefined {
  if (/[\w.*•…]+@[\w*•…]+/.test(text)) return "email";
  if (/(?:[•*xX·●∙_.…-][\s()-]*){2,}\d{2,4}(?!\d)|\+\d[\d\s*•xX()-]{6,}\d/.test(text)) return "phone";
  return undefined;
}

function sentences(text: string): string[] {
  return text
    .split(/(?<=[.!?;:؟？])\s+|[。！；।]|(?<=？)/)
    .filter((part) => part.trim().length > 1)
    .slice(0, 12);
}

/** The largest element around a field with text but no other field: what stands there is said of this one. */
function block(inputs: Inputs): { home: Element | undefined; alone: boolean } {
  let home: Element | undefined;
  for (let each = inputs[0].parentElement; each; each = each.parentElement) {
    if ([...each.querySelectorAll("input,textarea")].some((one) => field(one, inputs)))
      return { home: home && /\p{L}{2}/u.test(home.textContent ?? "") ? home : undefined, alone: false };
    home = each;
  }
  return { home: undefined, alone: true };
}

function walk(inputs: Inputs, home: Element | undefined, step: "previousNode" | "nextNode"): Walk {
  const seen: Walk = { blocks: [], beyond: [], choices: [], button: "", picture: undefined };
  const start = step === "previousNode" ? inputs[0] : (inputs.at(-1) ?? inputs[0]);
  let root = start.getRootNode();
  let walker = start.ownerDocument.createTreeWalker(edge(start) ?? root, 5 /* elements and text */);
  walker.currentNode = start;
  let passed = false;
  let size = 0;
  for (let i = 0; i < NODES && size < TEXT; i++) {
    let node = walker[step]();
    if (!node && root instanceof ShadowRoot && !edge(start)) {
      const { host } = root;
      root = host.getRootNode();
      walker = start.ownerDocument.createTreeWalker(root, 5);
      walker.currentNode = host;
      node = walker[step]();
    }
    if (!node) break;
    if (node instanceof Element) {
      if (field(node, inputs)) {
        if (step === "nextNode") break;
        passed = true;
      }
      picture(node, seen, size, passed);
      if (node.localName === "h1" && step === "previousNode") break;
      continue;
    }
    size += text(node, inputs, seen, passed || home?.contains(node) === false);
  }
  return seen;
}

/** The dialog around a field, behind whose edge the page speaks of other things. */
function edge(start: Element): Element | null {
  return start.closest("dialog,[role=dialog],[role=alertdialog],[aria-modal=true]");
}

/** Whether a walk comes past another field that people fill in. */
function field(node: Element, inputs: Inputs): boolean {
  return (
    (node instanceof HTMLInputElement || node instanceof HTMLTextAreaElement) &&
    !(inputs as readonly Node[]).includes(node) &&
    !/^(hidden|submit|button|checkbox|radio|image|reset)$/.test(node.type) &&
    visible(node)
  );
}

/** Takes a text in where it belongs, and says how long it is. */
function text(node: Node, inputs: Inputs, seen: Walk, passed: boolean): number {
  const value = (node.nodeValue ?? "").replace(/\s+/g, " ").trim().slice(0, 400);
  const parent = node.parentElement;
  if (!value || !parent || inputs.some((input) => input.contains(node))) return 0;
  const around = parent.closest("script,style,option,noscript,template,nav,footer,svg,select,textarea,label");
  if (around && !(around instanceof HTMLLabelElement)) return 0;
  const control = around?.control;
  if (control && control instanceof HTMLInputElement && !/^(radio|checkbox)$/.test(control.type)) return 0;
  const other = control instanceof HTMLInputElement && control.type === "radio" && !control.checked;
  if (!visible(parent)) return 0;
  const choice = parent.closest("a,button,[role=button],[role=link],[role=tab],summary");
  if (other || (choice && attribute(choice, "aria-selected") !== "true" && !choice.querySelector("input"))) {
    if (choice && choice.localName !== "a" && !seen.button) seen.button = value;
    else seen.choices.push(value);
    return value.length;
  }
  const block = parent.closest("p,div,li,td,th,h1,h2,h3,h4,h5,h6,section,form,legend,label");
  const into = passed ? seen.beyond : seen.blocks;
  const last = into.at(-1);
  if (last && last.block === block)
    last.text = node.compareDocumentPosition(inputs[0]) & 4 ? `${value} ${last.text}` : `${last.text} ${value}`;
  else into.push({ text: value, block });
  return value.length;
}

function picture(node: Element, seen: Walk, size: number, passed: boolean) {
  if (!/^(img|canvas|svg)$/.test(node.localName)) return;
  const about = `${attribute(node, "src").slice(0, 200)} ${node.id} ${attribute(node, "class")} ${attribute(node, "alt")}`;
  const width = Number(attribute(node, "width")) || (node as HTMLImageElement).naturalWidth || 0;
  const height = Number(attribute(node, "height")) || (node as HTMLImageElement).naturalHeight || 0;
  const label = ["alt", "title", "aria-label"].map((each) => attribute(node, each)).join(" | ");
  const words = said(label);
  const drawn = size === 0 && !passed && code(words) && !words.has("scan or secret") && !words.has("authenticator app");
  if (/captcha|verif\w*code|imgcode|checkcode|vcode/i.test(about) || drawn || words.has("captcha"))
    seen.picture = "captcha";
  else if (/\bqr|qr-?code/i.test(about) || (width >= 100 && width <= 500 && width === height)) seen.picture ??= "qr";
  else if (
    !passed &&
    size < (node.localName === "svg" ? 1 : 80) &&
    width >= 50 &&
    width <= 260 &&
    height <= 90 &&
    width >= height * 1.8
  )
    seen.picture = "captcha";
}

/** Whether an element is drawn, as its style says: forces no layout. */
function visible(element: Element): boolean {
  return element.checkVisibility?.({ visibilityProperty: true }) ?? true;
}
