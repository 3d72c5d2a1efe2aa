import { type Inputs, oneTime } from "./boxes.ts";
import { named, type Said, said } from "./concepts.ts";
import { attribute, type Input } from "./editable.ts";
import { surroundings } from "./surroundings.ts";

/** What the page says of a field, by where it says so. */
export interface Clues {
  readonly auto: string; // autocomplete
  readonly name: Said; // name, id and the like
  readonly label: Said; // label, placeholder, title, aria-*
  readonly labelled: boolean; // whether it has a label in words
  readonly alone: boolean; // no other field in its tree
  readonly roomy: boolean; // takes more than any code has
  readonly search: boolean; // says that it is to search with
  readonly long: boolean; // takes nothing as short as a code
  readonly second: boolean; // masked as the password before it is
  readonly preset: boolean; // whether the page came with a value in it
  readonly group: Said; // what the boxes or the fieldset are called
  readonly lead: readonly Said[]; // sentences before the field, nearest first
  readonly far: readonly Said[]; // sentences before the field that precedes it
  readonly after: readonly Said[]; // sentences behind it
  readonly links: Said; // what can be chosen instead
  readonly button: Said; // what sends it
  readonly page: Said; // title and path
  readonly mask: "phone" | "email" | undefined; // a masked number or address near it
  readonly picture: "qr" | "captcha" | undefined; // near it
  readonly key: boolean; // a secret in Base32 near it
  readonly boxes: boolean; // one for each character
  readonly shape: boolean; // digits or few characters only
}

const NAMES = ["name", "id", "data-testid", "data-test", "formcontrolname", "ng-model", "v-model", "data-qa"];
const LABELS = ["aria-label", "placeholder", "title", "data-label", "aria-placeholder", "data-placeholder"];

/** The labels of a tree by their control, read once: asking each input for its labels walks the tree each time. */
export function labels(root: Document | ShadowRoot): Map<Element, string> {
  const found = new Map<Element, string>();
  for (const label of root.querySelectorAll("label")) {
    const text = (label.textContent ?? "").trim().slice(0, 200);
    const control = text ? label.control : null;
    if (control) found.set(control, `${found.get(control) ?? ""} ${text}`.trim());
  }
  return found;
}

/** What a field says of itself: cheap, for all of them. */
export function own(inputs: Inputs, labelled: Map<Element, string>) {
  const [input] = inputs;
  const auto = attribute(input, "autocomplete").toLowerCase();
  const names = NAMES.map((each) => attribute(input, each)).join(" | ");
  const texts = [
    ...LABELS.map((each) => attribute(input, each)),
    labelled.get(input) ?? "",
    referred(input, "aria-labelledby"),
  ];
  return {
    auto: inputs.some(oneTime) ? "one-time-code" : /^\+\d/.test(input.placeholder ?? "") ? "tel" : auto,
    name: named(names),
    label: said(texts.filter(Boolean).join(" | ")),
    labelled: /\p{L}{2}/u.test(texts.join("")),
    search: input.type === "search" || /search/i.test(attribute(input, "role")),
    long:
      (many(input) && !oneTime(input)) ||
      (inputs[0].minLength ?? 0) > 10 ||
      Number(/^[^|]*\{(\d+),?\d*\}\$?$/.exec(inputs[0].pattern ?? "")?.[1]) > 10,
    roomy: (inputs[0].maxLength ?? 0) >= 100,
    second: input instanceof HTMLInputElement && input.type === "password" && behindPassword(input),
    preset: inputs.some((each) => /\w/.test(each.defaultValue ?? "")),
    boxes: inputs.length > 1,
    shape: shaped(inputs),
  };
}

/** All that the page says of a field. */
export function clues(inputs: Inputs, mine: ReturnType<typeof own>): Clues {
  const [{ ownerDocument }] = inputs;
  const { title, location } = ownerDocument;
  const around = surroundings(inputs);
  return {
    ...mine,
    ...around,
    label: mine.labelled ? mine.label : said(around.caption),
    group: said(group(inputs)),
    page: said(`${title} | ${location?.pathname ?? ""}`.replace(/[-_/.]/g, " ").slice(0, 200)),
  };
}

/** Whether a field is one of three or more side by side that take several characters each, as those of a key. */
function many({ maxLength = 0, parentElement }: Input): boolean {
  const like = (each: Input) => each.maxLength === maxLength && !each.labels?.length && !each.placeholder;
  return (
    maxLength > 2 &&
    maxLength < 9 &&
    [...(parentElement?.children ?? [])].filter((each) => like(each as Input)).length > 2
  );
}

/** Whether the first masked field of the form is another, for a password. */
function behindPassword(input: HTMLInputElement): boolean {
  const first = input.form?.querySelector<HTMLInputElement>("input[type=password]") ?? input;
  return first !== input && named(`${first.name} | ${first.id}`).has("user name, password");
}

function shaped(inputs: Inputs): boolean {
  const [input] = inputs;
  const { maxLength = 0 } = input;
  return (
    (maxLength >= 5 && maxLength <= 8) ||
    input.inputMode === "numeric" ||
    /^\W*(\[0-9\]|\\d|\d)/.test(input.pattern ?? "") ||
    input.type === "number" ||
    input.type === "tel"
  );
}

function referred(input: Element, name: string): string {
  const ids = attribute(input, name).trim();
  if (!ids) return "";
  const root = input.getRootNode() as Document | ShadowRoot;
  const texts = ids.split(/\s+/, 4).map((id) => root.getElementById?.(id)?.textContent ?? "");
  return texts.join(" ").slice(0, 200);
}

/** The name of the group that a field stands in. */
function group([input]: Inputs): string {
  const around = input.parentElement?.closest("fieldset,[role=group],[aria-labelledby],[aria-label]");
  if (!around || around.querySelectorAll("input:not([type=hidden])").length > 10) return "";
  const legend = around.localName === "fieldset" ? around.querySelector("legend")?.textContent : "";
  const name = attribute(around, "aria-label");
  return `${legend ?? ""} ${name} ${referred(around, "aria-labelledby")}`.trim().slice(0, 200);
}
