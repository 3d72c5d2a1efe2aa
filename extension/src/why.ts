import type { Concept } from "./concepts.ts";
import { bullets, button, fold, make, text } from "./draw.ts";
import type { Kind } from "./kind.ts";
import type { WhyField } from "./messages.ts";
import type { MarkAs } from "./protocol.ts";
import type { Fact, Place, Reason } from "./reasons.ts";
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

const PLACE_WORDS: Record<Place, Word> = {
  name: "where_name",
  label: "where_label",
  group: "where_group",
  before: "where_before",
  far: "where_far",
  after: "where_after",
  button: "where_button",
  title: "where_title",
};

const CONCEPT_WORDS: Record<Concept, Word> = {
  "authenticator app": "concept_authenticator",
  "two-factor": "concept_two_factor",
  "one-time code": "concept_one_time_code",
  code: "concept_code",
  "verification code": "concept_verification_code",
  "authentication code": "concept_authentication_code",
  "text message or call": "concept_message",
  "e-mail": "concept_email",
  sent: "concept_sent",
  "recovery code": "concept_recovery_code",
  "set-up": "concept_setup",
  "scan or secret": "concept_scan",
  resend: "concept_resend",
  "not received": "concept_not_received",
  "another way": "concept_another_way",
  app: "concept_app",
  verify: "concept_verify",
  backup: "concept_backup",
  "security key": "concept_security_key",
  card: "concept_card",
  captcha: "concept_captcha",
  voucher: "concept_voucher",
  postal: "concept_postal",
  "activation, licence, order": "concept_activation",
  PIN: "concept_pin",
  phone: "concept_phone",
  "phone number": "concept_phone_number",
  "user name, password": "concept_password",
  "setting or search": "concept_setting",
  "other fields": "concept_other",
};

const FACT_WORDS: Record<Fact, Word> = {
  asks: "reason_asks",
  asks_new: "reason_asks_new",
  asks_other: "reason_asks_other",
  long: "reason_long",
  search: "reason_search",
  preset: "reason_preset",
  roomy: "reason_roomy",
  label_other: "reason_label_other",
  label_nothing: "reason_label_nothing",
  nothing: "reason_nothing",
  boxes: "reason_boxes",
  digits: "reason_digits",
  alone: "reason_alone",
  another: "reason_another",
  captcha: "reason_captcha",
  mask: "reason_mask",
  code_sent: "reason_code_sent",
  message_sent: "reason_message_sent",
  recovery: "kind_recovery",
  setup: "kind_enroll",
  both: "kind_any",
  app: "kind_totp",
  two: "reason_two",
  phone: "kind_sms",
  mail: "kind_email",
  unsaid: "reason_unsaid",
};

/** Says a reason; nothing of one that an older or newer content script gives. */
function sentence(reason: Reason): string | [] {
  if ("concept" in reason) {
    const [place, concept] = [PLACE_WORDS[reason.why], CONCEPT_WORDS[reason.concept]];
    return place && concept ? say("reason_says", say(place), reason.word, say(concept)) : [];
  }
  const fact = FACT_WORDS[reason.why];
  return fact ? say(fact, reason.word ?? "") : [];
}

/** What the user may do here. */
export interface Acts {
  /** Told what the user says of a field. */
  teach(field: WhyField, as: MarkAs): void;
  /** Makes a button dead until the popup is armed. */
  armed(button: HTMLElement): HTMLElement;
}

/** Draws what the page has. */
export function why(fields: readonly WhyField[], { teach, armed }: Acts): Node[] {
  const hosts = new Set(fields.map(({ host }) => host));
  const heading = text(say("why_title"), say(fields.length > 0 ? "why_text" : "why_none"));
  const list = fields.map((field) => {
    const { label, kind, marked, reasons, host } = field;
    const taken = marked === undefined ? say(KIND_WORDS[kind]) : say(`marked_${marked === "never" ? "never" : "totp"}`);
    const act = (word: Word, as: MarkAs) => armed(button(say(word), () => teach(field, as), "small line"));
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
      reasons.length > 0 && fold(say("why_reasons"), false, bullets(...reasons.flatMap(sentence))),
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
    reasons: reasons.map((reason) => ("concept" in reason ? `${reason.why}: ${reason.concept}` : reason.why)),
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
