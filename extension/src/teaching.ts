import { groups, type Inputs } from "./boxes.ts";
import { attribute } from "./editable.ts";
import { type Field, findFields, judged } from "./find.ts";
import { nameOf } from "./marks.ts";
import { MAX_LABEL, MAX_REASONS, type SeenField } from "./messages.ts";
import type { Mark, MarkAs } from "./protocol.ts";
import type { Reason } from "./reasons.ts";

// What the user taught of this site's fields, and what a page has, for "Why no code here?".

/** By the name of the field. */
export type Marks = ReadonlyMap<string, MarkAs>;

export function marksFrom(marks: readonly Mark[]): Marks {
  return new Map(marks.map(({ field, as }) => [field, as]));
}

/** The fields of a tree: what the user said of one counts before what the page says. */
export function fieldsIn(root: Document | ShadowRoot, marks: Marks): Field[] {
  if (marks.size === 0) return findFields(root);
  const taught = groups(root).filter((inputs) => marks.get(nameOf(inputs)) === "totp");
  return [
    ...taught.map((inputs): Field => ({ inputs, kind: "totp", confidence: 1, reasons: [] })),
    ...findFields(root).filter(({ inputs }) => !marks.has(nameOf(inputs))),
  ];
}

/** All that a tree has for text, what it is taken for and why. */
export function seenIn(root: Document | ShadowRoot, marks: Marks, visible: (inputs: Inputs) => boolean): SeenField[] {
  const judgements = new Map(judged(root).map((each) => [each.inputs[0], each]));
  return groups(root)
    .filter(visible)
    .map((inputs) => {
      const name = nameOf(inputs);
      const marked = marks.get(name);
      const { kind, confidence, reasons } = judgements.get(inputs[0]) ?? { kind: "none", confidence: 1, reasons: [] };
      const sure = Math.round(confidence * 100);
      const few = reasons.slice(0, MAX_REASONS).map(short);
      return { name, label: labelOf(inputs), kind, sure, reasons: few, ...(marked && { marked }) };
    });
}

function short(reason: Reason): Reason {
  return reason.word === undefined ? reason : { ...reason, word: reason.word.slice(0, MAX_LABEL) };
}

/** What the page calls a field, for the person. */
function labelOf([first]: Inputs): string {
  const words = [
    first.labels?.[0]?.textContent,
    attribute(first, "aria-label"),
    first.placeholder,
    first.name,
    first.id,
  ];
  const found = words.find((each) => each?.trim()) ?? "";
  return found.replace(/\s+/g, " ").trim().slice(0, MAX_LABEL);
}
