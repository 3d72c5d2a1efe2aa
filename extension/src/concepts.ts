import { LEXICON } from "codefob:lexicon";
import { fold } from "./fold.mjs";
import { type Hit, Terms } from "./terms.ts";

/** What a text can speak of: the headings of the lexicon. */
export type Concept =
  | "authenticator app"
  | "two-factor"
  | "one-time code"
  | "code"
  | "verification code"
  | "authentication code"
  | "text message or call"
  | "e-mail"
  | "sent"
  | "recovery code"
  | "set-up"
  | "scan or secret"
  | "resend"
  | "not received"
  | "another way"
  | "app"
  | "verify"
  | "backup"
  | "security key"
  | "card"
  | "captcha"
  | "voucher"
  | "postal"
  | "activation, licence, order"
  | "PIN"
  | "phone"
  | "phone number"
  | "user name, password"
  | "setting or search"
  | "other fields";

/** The concepts that a text speaks of, with the words that do. */
export type Said = ReadonlyMap<Concept, string>;

type Hits = Hit<Concept>[];

const tables = new Map<string, Terms<Concept>>();
let language = "";
/** What was found in a text before: pages say the same again at each look. */
const known = new Map<string, Said>();
const KEPT = 2000;

/** Takes in what language the page says it is in ("sr-Latn"). */
export function hear(declared: string) {
  const [first = ""] = declared.toLowerCase().split("-");
  const alike = first === "bs" || first === "sr" ? "hr" : first === "tl" ? "fil" : first;
  if (alike === language) return;
  language = alike;
  known.clear();
}

/** The concepts in a text that people read. The tables of scripts that it does not use are not read. */
export function said(text: string): Said {
  return remembered(`s${text}`, text, (folded) => [
    ...find("latin", folded),
    ...(language in LEXICON.tables ? find(language, folded) : []),
    ...(/[\u0370-\u0dff\u10a0-\u10ff]/.test(folded) ? find("other", folded) : []),
    ...(/[\u0e00-\u0e7f\u1100-\u11ff\u3040-\ud7af\uf900-\ufaff]/.test(folded) ? find("unspaced", folded) : []),
  ]);
}

/** The concepts in names that programs read, as names and ids: cut into words. */
export function named(text: string): Said {
  return remembered(`n${text}`, cut(text), (folded) => find("names", folded));
}

function find(table: string, folded: string): Hits {
  let terms = tables.get(table);
  if (!terms) {
    terms = new Terms(table);
    tables.set(table, terms);
  }
  return terms.find(folded);
}

function remembered(key: string, text: string, find: (folded: string) => Hits): Said {
  const before = known.get(key);
  if (before) return before;
  const folded = text && ` ${fold(text)} `;
  const found: Map<Concept, string> = folded.length > 3 ? concepts(folded, find(folded)) : new Map();
  if (/[?？؟]\s*$/.test(text)) found.set("another way", "?"); // "Lost your phone?"
  if (known.size > KEPT) known.clear();
  known.set(key, found);
  return found;
}

/** camelCase and word2 become words of their own. */
export function cut(text: string): string {
  return text
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]{2,})([A-Z][a-z])/g, "$1 $2")
    .replace(/([A-Za-z]{2})(\d)/g, "$1 $2");
}

const CODES: ReadonlySet<Concept> = new Set(["code", "verification code", "authentication code", "one-time code"]);

/** Whether a text speaks of a code that may be ours. */
export function code(words: Said): boolean {
  return words.has("code") || words.has("verification code") || words.has("one-time code");
}

/** Whether a text speaks of messages, which bring codes too. */
export function byMessage(words: Said): boolean {
  return words.has("text message or call") || words.has("e-mail");
}

/** Codes that are none of ours. */
const OTHER_CODES: ReadonlySet<Concept> = new Set([
  "card",
  "captcha",
  "voucher",
  "postal",
  "activation, licence, order",
]);
/** What other fields take. */
const FIELDS: ReadonlySet<Concept> = new Set([
  "user name, password",
  "phone number",
  "PIN",
  "other fields",
  "postal",
  "setting or search",
]);
/** Where codes come from. */
const SOURCES: ReadonlySet<Concept> = new Set(["text message or call", "e-mail", "authenticator app"]);

/** The hits with what two of them say together: so a language needs the stems, not every phrase. */
function concepts(text: string, hits: Hits): Map<Concept, string> {
  const apart = hits.filter((each) => !hits.some((one) => swallows(one, each)));
  const together: Hits = [];
  pair(apart, "backup", "code", 8, (start, end) => together.push({ concept: "recovery code", start, end }));
  pair(apart, "verify", "app", 14, (start, end) => together.push({ concept: "authenticator app", start, end }));
  pair(apart, "verify", "code", 12, (start, end) => together.push({ concept: "verification code", start, end }));
  for (const source of ["text message or call", "e-mail"] as const)
    pair(apart, source, "code", 5, (start, end) => together.push({ concept: "verification code", start, end }));
  for (const about of ["text message or call", "one-time code"] as const)
    pair(apart, about, "user name, password", 16, (start, end) =>
      together.push({ concept: "verification code", start, end }),
    );
  const all = [...apart, ...together];
  const found = new Map<Concept, string>();
  for (const hit of all)
    if (!found.has(hit.concept) && !all.some((each) => swallows(each, hit)))
      found.set(hit.concept, text.slice(hit.start, hit.end).trim());
  return found;
}

/** Whether what one says is part of what the other says: a recovery code is no other code, a code by e-mail no address. */
function swallows(one: Hit<Concept>, other: Hit<Concept>): boolean {
  if (one === other) return false;
  if (one.concept === "recovery code") return CODES.has(other.concept) && overlap(one, other, 2);
  if (!overlap(one, other)) return false;
  if (other.concept === "app" && one.concept === "text message or call") return true; // WhatsApp is none
  const longer = one.end - one.start - (other.end - other.start);
  if (CODES.has(other.concept) && OTHER_CODES.has(one.concept)) return longer >= 0;
  if (longer <= 0) return false;
  if (one.concept === "scan or secret" && other.concept === "authenticator app") return true; // its key
  if (one.concept === "PIN") return other.concept === "code";
  return FIELDS.has(other.concept) && (CODES.has(one.concept) || SOURCES.has(one.concept));
}

function overlap(one: Hit<Concept>, other: Hit<Concept>, gap = 0): boolean {
  return one.start < other.end + gap && other.start < one.end + gap;
}

/** Calls back for each hit of one and the nearest of the other, in one word with it or no further than so many characters. */
function pair(hits: Hits, one: Concept, other: Concept, far: number, found: (start: number, end: number) => void) {
  for (const a of hits) {
    if (a.concept !== one) continue;
    const apart = (b: Hit<Concept>) => Math.max(b.start - a.end, a.start - b.end);
    const near = hits.filter((b) => b.concept === other && apart(b) <= far);
    const b = near.reduce<Hit<Concept> | undefined>(
      (best, b) => (best && apart(best) <= apart(b) ? best : b),
      undefined,
    );
    if (b) found(Math.min(a.start, b.start), Math.max(a.end, b.end));
  }
}
