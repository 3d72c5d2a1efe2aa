import { bullets, button, fold, make, text } from "./draw.ts";
import type { Kind } from "./kind.ts";
import type { WhyField } from "./messages.ts";
import type { MarkAs } from "./protocol.ts";
import { say, type Word } from "./words.ts";

// "Why no code here?": each field of the page, what it is taken for and why, and
// the user's say in it.

const KIND_WORDS: Record<Kind, Word> = {
  totp: "kind_totp",
  "otp-any": "kind_any",
  "otp-sms": "kind_sms",
  "otp-email": "kind_email",
  "recovery-code": "kind_recovery",
  enroll: "kind_enroll",
  none: "kind_none",
};

/** Draws what the page has; teach is told what the user says of a field. */
export function why(fields: readonly WhyField[], teach: (field: WhyField, as: MarkAs) => void): Node[] {
  const hosts = new Set(fields.map(({ host }) => host));
  const heading = text(say("why_title"), say(fields.length > 0 ? "why_text" : "why_none"));
  const list = fields.map((field) => {
    const { label, kind, marked, reasons, host } = field;
    const taken = marked === undefined ? say(KIND_WORDS[kind]) : say(`marked_${marked === "never" ? "never" : "totp"}`);
    const act = (word: Word, as: MarkAs) => button(say(word), () => teach(field, as), "small line");
    const acts =
      marked !== undefined
        ? [act("mark_forget", "forget")]
        : [kind !== "totp" && act("mark_totp", "totp"), kind !== "none" && act("mark_never", "never")];
    return make(
      "section",
      "card seen",
      make("div", "issuer", label || say("why_unnamed")),
      hosts.size > 1 && make("div", "name", host),
      make("p", "", taken),
      reasons.length > 0 && fold(say("why_reasons"), false, bullets(...reasons)),
      make("div", "buttons", ...acts),
    );
  });
  return [...heading, ...list];
}

/** A report that names no site and quotes no page: which words a field has, and how it was judged. */
export function report(fields: readonly WhyField[], version: string, browser: string): string {
  const shapes = fields.map(({ name, kind, sure, reasons, marked }) => ({
    shape: shapeOf(name),
    kind,
    sure,
    reasons: reasons.map((reason) => reason.replace(/“[^”]*”/g, "“…”")),
    ...(marked && { marked }),
  }));
  return `${JSON.stringify({ codefob: version, browser, fields: shapes }, undefined, 2)}\n`;
}

/** A field's name without what the page says in it: "text name id x6". */
function shapeOf(name: string): string {
  const [type = ""] = name.split(" ");
  const has = ["name", "id", "autocomplete", "aria-label", "placeholder"].filter((each) => name.includes(` ${each}=`));
  return [type, ...has, ...(/ x\d+$/.exec(name)?.[0].trim().split(" ") ?? [])].join(" ");
}
