import { LEXICON } from "codefob:lexicon";
import { fold } from "./fold.mjs";

/** What a text can speak of: the headings of the lexicon. */
export type Concept =
  | "authenticator app"
  | "two-factor"
  | "one-time code"
  | "code"
  | "verification code"
  | "text message or call"
  | "e-mail"
  | "sent"
  | "recovery code"
  | "set-up"
  | "resend"
  | "another way"
  | "card"
  | "captcha"
  | "voucher"
  | "postal"
  | "activation, licence, order"
  | "PIN"
  | "phone number"
  | "user name, password"
  | "setting or search"
  | "other fields";

/** The concepts that a text speaks of, with the words that do. */
export type Said = ReadonlyMap<Concept, string>;

type Table = readonly (readonly [Concept, RegExp])[];
const tables: Partial<Record<"spoken" | "names", Table>> = {};

/** The concepts in a text that people read. */
export function said(text: string): Said {
  return match("spoken", fold(text));
}

/** The concepts in names that programs read, as names and ids: cut into words. */
export function named(text: string): Said {
  return match("names", fold(cut(text)));
}

/** camelCase and word2 become words of their own. */
export function cut(text: string): string {
  return text
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]{2,})([A-Z][a-z])/g, "$1 $2")
    .replace(/([A-Za-z]{2})(\d)/g, "$1 $2");
}

function match(kind: "spoken" | "names", text: string): Said {
  const found = new Map<Concept, string>();
  if (!text) return found;
  tables[kind] ??= table(kind);
  for (const [concept, pattern] of tables[kind]) {
    const hit = pattern.exec(` ${text} `)?.[0].trim();
    if (hit) found.set(concept, hit);
    if (hit && concept === "recovery code") without(found, text, pattern, kind);
  }
  return found;
}

/** A recovery code is no other code: what the rest of the text says counts for that. */
function without(found: Map<Concept, string>, text: string, recovery: RegExp, kind: "spoken" | "names") {
  const rest = ` ${text} `.replace(new RegExp(recovery, "g"), " ");
  for (const concept of ["code", "verification code", "one-time code"] as const) {
    const again = tables[kind]
      ?.find(([each]) => each === concept)?.[1]
      .exec(rest)?.[0]
      .trim();
    if (again) found.set(concept, again);
    else found.delete(concept);
  }
}

function table(kind: "spoken" | "names"): Table {
  return Object.entries(LEXICON[kind]).map(([concept, { words, parts }]) => {
    const source = words.replaceAll("^", "[^ ]{0,2}").replaceAll("*", "[^ ]*");
    return [concept as Concept, new RegExp(` (?:${source})(?= )${parts && `|${parts}`}`)];
  });
}
