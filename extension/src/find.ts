import { groups, type Inputs } from "./boxes.ts";
import { clues, labels, own } from "./clues.ts";
import { type Concept, hear, type Said } from "./concepts.ts";
import { attribute } from "./editable.ts";
import { HINT } from "./hint.ts";
import { type Kind, kindOf } from "./kind.ts";
import type { Reason } from "./reasons.ts";
import { ENOUGH, weigh } from "./weigh.ts";

/** A field, or a group of boxes that belong together, and what it takes. */
export interface Field {
  readonly inputs: Inputs;
  readonly kind: Kind;
  readonly confidence: number; // 0 to 1
  readonly reasons: readonly Reason[];
}

/** From this confidence on a field is offered a code without being asked for one. */
export const SURE = 0.6;

/** In a page of more groups than this, those that say nothing of themselves are not asked further. */
const FEW = 24;

/** Finds the fields for codes in one tree. Changes nothing and forces no layout. */
export function findFields(root: Document | ShadowRoot): Field[] {
  return judged(root).filter(({ kind }) => kind !== "none");
}

/** All candidates in one tree with what each takes, "none" among them. */
export function judged(root: Document | ShadowRoot): Field[] {
  const all = groups(root);
  if (all.length === 0) return [];
  hear((root.ownerDocument ?? (root as Document)).documentElement?.lang ?? "");
  const labelled = labels(root);
  const few = all.length <= FEW;
  const asked = few
    ? all
    : all.filter(([input]) => HINT.test(`${input.outerHTML}${attribute(input, "autocomplete")}${labelled.get(input)}`));
  return asked.flatMap((inputs) => judge(inputs, labelled, few) ?? []);
}

function judge(inputs: Inputs, labelled: Map<Element, string>, few: boolean): Field | undefined {
  if (!rightSize(inputs)) return undefined;
  const mine = own(inputs, labelled);
  const tells = mine.auto === "one-time-code" || inputs.length > 1 || speaks(mine.name) || speaks(mine.label);
  if (!tells && !(inputs[0] instanceof HTMLInputElement)) return undefined; // a chat, a note
  if (!tells && !(few && (quiet(mine) || (inputs[0].type === "password" && !mine.labelled)))) return undefined;
  const all = clues(inputs, mine);
  const { score, reasons } = weigh(all);
  if (score < ENOUGH) return { inputs, kind: "none", confidence: sure(ENOUGH - score), reasons };
  const { kind, plain, reason } = kindOf(all);
  return {
    inputs,
    kind,
    confidence: Math.round(sure(score - ENOUGH) * (50 + plain * 50)) / 100,
    reasons: [{ why: reason }, ...reasons],
  };
}

/** How sure a distance from the threshold is: 0.5 at it, 1 far from it. */
function sure(distance: number): number {
  return Math.round(100 / (1 + Math.exp(-distance / 1.5))) / 100;
}

const OURS: readonly Concept[] = [
  "code",
  "one-time code",
  "verification code",
  "two-factor",
  "authenticator app",
  "recovery code",
];
const THEIRS: readonly Concept[] = [
  "card",
  "captcha",
  "voucher",
  "postal",
  "activation, licence, order",
  "phone number",
  "user name, password",
  "setting or search",
  "other fields",
];

function speaks(words: Said): boolean {
  return OURS.some((each) => words.has(each));
}

function quiet({ name, label }: { name: Said; label: Said }): boolean {
  return !THEIRS.some((each) => name.has(each) || label.has(each));
}

/** Whether a code of 4 to 10 characters fits, and not a sentence. */
function rightSize([{ maxLength = -1 }, ...rest]: Inputs): boolean {
  return rest.length > 0 || maxLength < 0 || maxLength >= 4;
}
