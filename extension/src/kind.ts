/** What a field takes. "none" is no field of ours at all. */
export type Kind = "totp" | "otp-any" | "otp-sms" | "otp-email" | "recovery-code" | "enroll" | "none";

/** The kinds, as a list for guards. */
export const KINDS: readonly Kind[] = ["totp", "otp-any", "otp-sms", "otp-email", "recovery-code", "enroll", "none"];

/** Whether a code of an authenticator may be filled there. */
export function takesCode(kind: Kind): boolean {
  return kind === "totp" || kind === "otp-any" || kind === "enroll";
}

/** What the page says of a field, lower case, words parted by single spaces. */
export interface Clues {
  readonly own: string; // its attributes and its label
  readonly near: string; // the text around it
}

const RECOVERY = /\b(recovery|backup|back up|scratch|emergency|rescue) (codes?|keys?)\b/;
const APP = /authenticator|authentication app|authy|totp|two factor app|2fa app|security app/;
const SENT = "(sent|send|texted|e ?mailed|messaged|delivered|resend|receive)";
const PHONE = new RegExp(
  `\\bsms\\b|text(ed)? (message|you)|\\bwhatsapp\\b|${SENT}.{0,60}(phone|mobile|number|\\*\\d|\\d{2,4}\\b)|call(ed)? you`,
);
const MAIL = new RegExp(`${SENT}.{0,60}(e ?mail|inbox|@)|(e ?mail|inbox).{0,40}${SENT}|check your (e ?mail|inbox)`);
const SETUP =
  /\bscan\b|\bqr\b|set ?up (key|your|an|two)|\b(enable|activate|add|enrol|register) .{0,30}(authenticat|two|2fa|app)/;

/**
 * Says what a field that looks like one for a one-time code takes. Plain
 * English rules for the common cases; the field's own words outweigh those around it.
 */
export function kindOf({ own, near }: Clues): Kind {
  if (RECOVERY.test(own) && !APP.test(own) && !/one time|otp/.test(own)) return "recovery-code";
  const app = APP.test(own) || APP.test(near);
  const sms = /\b(sms|phone|mobile)\b/.test(own) || PHONE.test(near);
  const mail = /\be ?mail\b/.test(own) || MAIL.test(near);
  if (app && SETUP.test(near)) return "enroll";
  if (app) return sms || mail ? "otp-any" : "totp";
  if (sms === mail) return "otp-any";
  return sms ? "otp-sms" : "otp-email";
}
