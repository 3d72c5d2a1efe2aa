import type { Answer, LinkError, Stranger } from "./answer.ts";
import { KINDS, type Kind } from "./kind.ts";
import {
  type Account,
  type Detail,
  type EditParams,
  type EnrollResult,
  type ErrorCode,
  type FactsResult,
  type HandleResult,
  type ListResult,
  type LogResult,
  MAX_PICTURE,
  MAX_TEXT,
  type Mark,
  type MarkAs,
  type OffersResult,
  type Purpose,
  type Reminder,
  type ServicesResult,
  type SyncResult,
  type VaultResult,
} from "./protocol.ts";
import type { Reason } from "./reasons.ts";

// What the parts of the extension say to each other. Every message is parsed
// where it arrives; who sent it is known from the browser's sender record only.

/** The names of the kinds of port. */
export const PAGE_PORT = "page";
export const POPUP_PORT = "popup";
export const OPTIONS_PORT = "options";
export const PICTURE_PORT = "picture";

/** The messages outside of ports: a document may have a field, and asks for content.ts; a site of which the user taught something, or wants to be reminded, is shown. */
export const LOAD = "load";
export const VISIT = "visit";
export const VISIT_SIGNED_IN = "visit signed in";

/** The field that a document offers; number tells it from earlier ones of that document. */
export interface FieldSummary {
  readonly number: number;
  readonly kind: Kind;
  readonly mask?: string; // the number or address that the page says the code went to, as it shows it
  readonly append?: boolean; // a password with something typed in it; the kind is "none"
}

/** The longest name of a field, in UTF-16 units: at most 200 bytes of UTF-8. */
export const MAX_NAME = 66;
/** The most characters of a page's text that are shown to the user. */
export const MAX_LABEL = 60;
/** The most fields of one document that are told of, and the most reasons of one. */
export const MAX_FIELDS = 20;
export const MAX_REASONS = 24;

/** One field of a document, for "Why no code here?". */
export interface SeenField {
  readonly name: string; // by which it is known again, see nameOf
  readonly label: string; // as the page calls it; may be empty
  readonly kind: Kind;
  readonly sure: number; // 0 to 100
  readonly reasons: readonly Reason[];
  readonly marked?: MarkAs;
}

/** Why a document did not take a code. */
export type Refusal =
  | "changed" // the field is not the one that was announced
  | "other_origin"
  | "hidden"
  | "covered"
  | "insecure" // the form would send it over plain http
  | "typed" // the user typed there meanwhile
  | "length" // the code does not fit
  | "rejected"; // no step of the ladder held

/** What became of a fill. */
export type Outcome = { readonly ok: true; readonly step: Step } | { readonly ok: false; readonly why: Refusal };

/** How a code got in: a step of the ladder. */
export type Step = "paste" | "keys" | "value";

/** Content script to background. look answers the background's request of that number. */
export type FromPage =
  | { readonly type: "field"; readonly field?: FieldSummary; readonly look?: number; readonly focused: boolean }
  | { readonly type: "open" }
  | { readonly type: "ready"; readonly fill: number; readonly max: number } // nothing keeps a code out; max: of characters, 0 for no bound
  | { readonly type: "seen"; readonly ask: number; readonly fields: readonly SeenField[] }
  | { readonly type: "filled"; readonly fill: number; readonly outcome: Outcome };

/** Background to content script, down the port of one document. */
export type ToPage =
  | { readonly type: "offer"; readonly on: boolean }
  | { readonly type: "marks"; readonly marks: readonly Mark[] }
  | { readonly type: "why"; readonly ask: number }
  | { readonly type: "check"; readonly fill: number; readonly field: number; readonly origin: string }
  | {
      readonly type: "fill";
      readonly fill: number;
      readonly field: number;
      readonly origin: string;
      readonly code: string;
      readonly submit: boolean; // send the form once the code is in
    };

/** What the background itself finds amiss before a code is asked for. */
export type PageProblem = "page_gone" | "page_unknown" | "no_picture";

export type Problem = ErrorCode | LinkError | PageProblem | Refusal;

/** What the popup stands over. */
export type State =
  | {
      readonly is: "problem";
      readonly problem: Problem;
      readonly hint?: string;
      readonly stranger?: Stranger; // that answered under the host's name
    }
  | { readonly is: "locked" }
  | { readonly is: "closed"; readonly reload: boolean } // no content script there
  | {
      readonly is: "page";
      readonly host: string;
      readonly kind: Kind; // "none": a page without a field
      readonly accounts: readonly Account[];
      readonly mask?: string; // where the code went, as the page shows it
      readonly append?: boolean; // a typed password that a code can be put behind
      readonly facts?: FactsResult; // of the site's service
      readonly enrolled?: Enrolled;
    };

/** What became of a code that confirms a new account. */
export interface Enrolled {
  readonly account: Account;
  readonly accepted: boolean; // else the page asks again
}

/** The recovery codes that were found on a page, as much as may be shown of them. */
export interface Sheet {
  readonly count: number;
  readonly first: string;
  readonly last: string;
}

/** One field of the page under the popup. */
export interface WhyField extends SeenField {
  readonly page: number; // which document of the tab, as the background counts them
  readonly host: string; // of that document
}

/** Where an account is read from, beside what the popup itself sends: the page as it is seen, a part of it, a file. */
export type Source = "page" | "part" | "file";

/** Popup to background. What changes an account or a page carries the number of the state that the user saw. */
export type FromPopup =
  | { readonly type: "open"; readonly tab: number }
  | { readonly type: "unlock" }
  | { readonly type: "pin"; readonly key: string } // the host with this key is the user's
  | { readonly type: "fill"; readonly state: number; readonly handle: string; readonly allow: boolean }
  | { readonly type: "search"; readonly query: string }
  | { readonly type: "why" }
  | { readonly type: "teach"; readonly page: number; readonly field: string; readonly as: MarkAs }
  | { readonly type: "remind"; readonly reminder: Wish }
  | { readonly type: "enroll"; readonly from: Source }
  | { readonly type: "picture"; readonly picture: string } // base64
  | { readonly type: "text"; readonly text: string } // a setup key or an otpauth address
  | {
      readonly type: "save";
      readonly state: number;
      readonly ticket: string;
      readonly issuer: string;
      readonly account: string;
    }
  | { readonly type: "allow"; readonly state: number; readonly handle: string }
  | { readonly type: "sheet"; readonly handle: string } // looks for recovery codes on the page
  | { readonly type: "keep"; readonly handle: string } // saves those that were found
  | { readonly type: "later" } // the user does not want to hear of the enrollment
  | { readonly type: "code"; readonly handle: string; readonly purpose: Exclude<Purpose, "fill"> }
  | { readonly type: "copied"; readonly code: string }; // is in the clipboard now

/** What the user wants of a reminder. */
export type Wish = Exclude<Reminder, "none" | "seen">;

/** Background to popup. */
export type ToPopup =
  | {
      readonly type: "state";
      readonly number: number; // tells it from other states of this popup
      readonly state: State;
      readonly pageCaused: boolean;
      readonly again?: Problem;
    }
  | { readonly type: "found"; readonly query: string; readonly accounts: readonly Account[]; readonly total: number }
  | {
      readonly type: "code";
      readonly handle: string;
      readonly purpose: Exclude<Purpose, "fill">;
      readonly code: string;
      readonly expiresAt: number; // 0 for hotp
      readonly account?: Account; // for a popup that did not ask for it: the one that did is gone
    }
  | { readonly type: "why"; readonly fields: readonly WhyField[] }
  | ({ readonly type: "offers" } & OffersResult)
  | { readonly type: "foul" } // somebody may have meddled with what came from other computers
  | { readonly type: "away" } // the user goes on outside of the popup
  | { readonly type: "saved"; readonly account: Account }
  | { readonly type: "sheet"; readonly handle: string; readonly sheet: Sheet }
  | { readonly type: "kept"; readonly handle: string; readonly added: number; readonly already: number }
  | { readonly type: "waiting"; readonly until: number }
  | { readonly type: "filled" }
  | { readonly type: "failed"; readonly problem: Problem; readonly hint?: string; readonly unused?: string };

/** The most characters that the options page searches for, and of a name or a site that it sets; and the most sites: one more than the host takes, which says so. */
export const MAX_QUERY = 80;
export const MAX_WORDS = 600;
export const MAX_SITES = 101;

/** Options page to background. Each is answered by one message with its type and number. */
export type FromOptions =
  | { readonly type: "services" | "devices" | "unlock"; readonly ask: number }
  | { readonly type: "pin"; readonly ask: number; readonly key: string }
  | { readonly type: "list"; readonly ask: number; readonly query: string; readonly offset: number }
  | { readonly type: "log"; readonly ask: number; readonly offset: number }
  | { readonly type: "edit"; readonly ask: number; readonly edit: EditParams }
  | { readonly type: "remove" | "restore"; readonly ask: number; readonly handle: string }
  | { readonly type: "picture"; readonly ask: number; readonly picture: string } // base64 of a file
  | { readonly type: "text"; readonly ask: number; readonly text: string }
  | {
      readonly type: "enroll";
      readonly ask: number;
      readonly ticket: string;
      readonly issuer: string;
      readonly account: string;
    };

/** Background to options page. */
export type ToOptions =
  | { readonly type: "services"; readonly ask: number; readonly answer: Answer<ServicesResult> }
  | { readonly type: "devices"; readonly ask: number; readonly answer: Answer<SyncResult> }
  | { readonly type: "unlock"; readonly ask: number; readonly answer: Answer<VaultResult> }
  | { readonly type: "pin"; readonly ask: number }
  | { readonly type: "list"; readonly ask: number; readonly answer: Answer<ListResult> }
  | { readonly type: "log"; readonly ask: number; readonly answer: Answer<LogResult> }
  | { readonly type: "edit" | "restore"; readonly ask: number; readonly answer: Answer<Detail> }
  | { readonly type: "remove"; readonly ask: number; readonly answer: Answer<HandleResult> }
  | { readonly type: "picture" | "text"; readonly ask: number; readonly answer: Answer<OffersResult> }
  | { readonly type: "enroll"; readonly ask: number; readonly answer: Answer<EnrollResult> };

type Fields = Record<string, unknown>;

function fields(message: unknown): Fields | undefined {
  return typeof message === "object" && message !== null ? (message as Fields) : undefined;
}

const isNumber = (x: unknown): x is number => typeof x === "number" && Number.isSafeInteger(x) && x >= 0;
const isText = (x: unknown, max: number): x is string => typeof x === "string" && x.length <= max;
const isOneOf = <T extends string>(x: unknown, all: readonly T[]): x is T => all.some((each) => each === x);

const MARKS: readonly MarkAs[] = ["totp", "never", "forget"];
const WISHES: readonly Wish[] = ["wanted", "done", "dismissed"];
const SOURCES: readonly Source[] = ["page", "part", "file"];
/** The longest name of an account that is typed, in UTF-16 units; the host has the last word. */
export const MAX_TYPED = 256;

const isPicture = (x: unknown): x is string => isText(x, MAX_PICTURE) && /^[A-Za-z0-9+/]+=*$/.test(x);

/** Parses what the page that takes a picture sent; undefined when it is not of the form. */
export function fromPicture(message: unknown): { readonly tab: number; readonly picture: string } | undefined {
  const { tab, picture } = fields(message) ?? {};
  return isNumber(tab) && isPicture(picture) ? { tab, picture } : undefined;
}

const REFUSALS: Record<Refusal, true> = {
  changed: true,
  other_origin: true,
  hidden: true,
  covered: true,
  insecure: true,
  typed: true,
  length: true,
  rejected: true,
};
const STEPS: readonly unknown[] = ["paste", "keys", "value"];

/** The address of a link for an authenticator app that the user clicked on; undefined when the message is none. */
export function linkIn(message: unknown): string | undefined {
  const link = fields(message)?.["otpauth"];
  return isText(link, MAX_TEXT) && /^otpauth(-migration)?:/.test(link) ? link : undefined;
}

/** Parses what a content script sent; undefined when it is not of the form. */
export function fromPage(message: unknown): FromPage | undefined {
  const m = fields(message);
  switch (m?.["type"]) {
    case "field": {
      const f = fields(m["field"]);
      const look = isNumber(m["look"]) ? { look: m["look"] } : {};
      const focused = m["focused"] === true;
      if (m["field"] === undefined) return { type: "field", ...look, focused };
      const kind = f?.["kind"];
      if (!isOneOf(kind, KINDS) || !isNumber(f?.["number"])) return undefined;
      const mask = isText(f["mask"], MAX_LABEL) && f["mask"] ? { mask: f["mask"] } : {};
      const append = f["append"] === true && kind === "none" ? { append: true } : {};
      return { type: "field", field: { number: f["number"], kind, ...mask, ...append }, ...look, focused };
    }
    case "ready":
      return isNumber(m["fill"]) && isNumber(m["max"]) ? { type: "ready", fill: m["fill"], max: m["max"] } : undefined;
    case "seen": {
      const seen = Array.isArray(m["fields"]) && isNumber(m["ask"]) ? m["fields"].map(seenOf) : [undefined];
      if (seen.length > MAX_FIELDS || !seen.every((each) => each !== undefined)) return undefined;
      return { type: "seen", ask: m["ask"] as number, fields: seen };
    }
    case "open":
      return { type: "open" };
    case "filled": {
      const outcome = outcomeOf(m["outcome"]);
      return isNumber(m["fill"]) && outcome ? { type: "filled", fill: m["fill"], outcome } : undefined;
    }
    default:
      return undefined;
  }
}

function seenOf(message: unknown): SeenField | undefined {
  const m = fields(message);
  const { name, label, kind, sure, reasons, marked } = m ?? {};
  if (!isText(name, MAX_NAME) || name === "" || !isText(label, MAX_LABEL) || !isOneOf(kind, KINDS)) return undefined;
  if (!isNumber(sure) || sure > 100 || !Array.isArray(reasons) || reasons.length > MAX_REASONS) return undefined;
  if (!reasons.every(isReason)) return undefined;
  return { name, label, kind, sure, reasons, ...(marked === "totp" || marked === "never" ? { marked } : {}) };
}

/** What the popup does not know of it, it leaves out. */
function isReason(message: unknown): message is Reason {
  const { why, word, concept } = fields(message) ?? {};
  const may = (x: unknown, max: number) => x === undefined || isText(x, max);
  return isText(why, 20) && may(word, MAX_LABEL) && may(concept, 40);
}

function outcomeOf(message: unknown): Outcome | undefined {
  const m = fields(message);
  const { ok, step, why } = { ok: m?.["ok"], step: m?.["step"], why: m?.["why"] };
  if (ok === true && STEPS.includes(step)) return { ok, step: step as Step };
  if (ok === false && typeof why === "string" && Object.hasOwn(REFUSALS, why)) return { ok, why: why as Refusal };
  return undefined;
}

/** Parses what the popup sent; undefined when it is not of the form. */
export function fromPopup(message: unknown): FromPopup | undefined {
  const m = fields(message);
  const handle = m?.["handle"];
  switch (m?.["type"]) {
    case "open":
      return isNumber(m["tab"]) ? { type: "open", tab: m["tab"] } : undefined;
    case "unlock":
      return { type: "unlock" };
    case "pin":
      return isText(m["key"], 128) ? { type: "pin", key: m["key"] } : undefined;
    case "fill":
      return isText(handle, 128) && isNumber(m["state"])
        ? { type: "fill", state: m["state"], handle, allow: m["allow"] === true }
        : undefined;
    case "search":
      return isText(m["query"], 256) ? { type: "search", query: m["query"] } : undefined;
    case "why":
      return { type: "why" };
    case "teach": {
      const { page, field, as } = m;
      const sound = isNumber(page) && isText(field, MAX_NAME) && field !== "" && isOneOf(as, MARKS);
      return sound ? { type: "teach", page, field, as } : undefined;
    }
    case "remind":
      return isOneOf(m["reminder"], WISHES) ? { type: "remind", reminder: m["reminder"] } : undefined;
    case "enroll":
      return isOneOf(m["from"], SOURCES) ? { type: "enroll", from: m["from"] } : undefined;
    case "picture":
      return isPicture(m["picture"]) ? { type: "picture", picture: m["picture"] } : undefined;
    case "text":
      return isText(m["text"], MAX_TEXT) && m["text"] ? { type: "text", text: m["text"] } : undefined;
    case "save": {
      const { state, ticket, issuer, account } = m;
      const sound = isNumber(state) && isText(ticket, 128) && isText(issuer, MAX_TYPED) && isText(account, MAX_TYPED);
      return sound ? { type: "save", state, ticket, issuer, account } : undefined;
    }
    case "allow":
      return isText(handle, 128) && isNumber(m["state"]) ? { type: "allow", state: m["state"], handle } : undefined;
    case "sheet":
    case "keep":
      return isText(handle, 128) ? { type: m["type"], handle } : undefined;
    case "later":
      return { type: "later" };
    case "code": {
      const purpose = m["purpose"];
      if (!isText(handle, 128) || (purpose !== "show" && purpose !== "copy")) return undefined;
      return { type: "code", handle, purpose };
    }
    case "copied":
      return isText(m["code"], 64) && m["code"] ? { type: "copied", code: m["code"] } : undefined;
    default:
      return undefined;
  }
}

/** Parses what the options page sent; undefined when it is not of the form. */
export function fromOptions(message: unknown): FromOptions | undefined {
  const m = fields(message);
  const { type, ask, handle } = { type: m?.["type"], ask: m?.["ask"], handle: m?.["handle"] };
  if (!m || !isNumber(ask)) return undefined;
  switch (type) {
    case "services":
    case "devices":
    case "unlock":
      return { type, ask };
    case "pin":
      return isText(m["key"], 128) ? { type, ask, key: m["key"] } : undefined;
    case "list": {
      const { query, offset } = m;
      return isText(query, MAX_QUERY) && isNumber(offset) ? { type, ask, query, offset } : undefined;
    }
    case "log":
      return isNumber(m["offset"]) ? { type, ask, offset: m["offset"] } : undefined;
    case "edit": {
      const edit = editOf(m["edit"]);
      return edit && { type, ask, edit };
    }
    case "remove":
    case "restore":
      return isText(handle, 128) ? { type, ask, handle } : undefined;
    case "picture":
      return isPicture(m["picture"]) ? { type, ask, picture: m["picture"] } : undefined;
    case "text":
      return isText(m["text"], MAX_TEXT) ? { type, ask, text: m["text"] } : undefined;
    case "enroll": {
      const { ticket, issuer, account } = m;
      if (!isText(ticket, 128) || !isText(issuer, MAX_WORDS) || !isText(account, MAX_WORDS)) return undefined;
      return { type, ask, ticket, issuer, account };
    }
    default:
      return undefined;
  }
}

function editOf(message: unknown): EditParams | undefined {
  const { handle, issuer, account, sites, append, submit, ask } = fields(message) ?? {};
  if (!isText(handle, 128) || !isText(issuer, MAX_WORDS) || !isText(account, MAX_WORDS)) return undefined;
  if (!Array.isArray(sites) || sites.length > MAX_SITES || !sites.every((each) => isText(each, MAX_WORDS)))
    return undefined;
  if (typeof append !== "boolean" || typeof submit !== "boolean" || typeof ask !== "boolean") return undefined;
  return { handle, issuer, account, sites, append, submit, ask };
}
