import type { Clues } from "./clues.ts";
import { byMessage, type Concept, code, type Said } from "./concepts.ts";
import type { Fact } from "./reasons.ts";

/** What a field takes. "none" is no field of ours at all. */
export type Kind = "totp" | "otp-any" | "otp-sms" | "otp-email" | "recovery-code" | "enroll" | "none";

/** The kinds, as a list for guards. */
export const KINDS: readonly Kind[] = ["totp", "otp-any", "otp-sms", "otp-email", "recovery-code", "enroll", "none"];

/** Whether a code of an authenticator may be filled there. */
export function takesCode(kind: Kind): boolean {
  return kind === "totp" || kind === "otp-any" || kind === "enroll";
}

/** What a field that is for a code takes, how plainly the page says so (0 to 1), and why. */
export interface Judgement {
  readonly kind: Kind;
  readonly plain: number;
  readonly reason: Fact;
}

interface Points {
  app: number;
  sms: number;
  email: number;
  either: number; // an app and a message in one sentence
  recovery: number;
  setup: number; // of a second factor: enable, add
  scan: number; // a picture or a secret to take over
  two: number;
  sent: number;
}

/** Says what a field for a code takes. Its own words outweigh those around it, and those the other ways it names. */
export function kindOf(clues: Clues): Judgement {
  const points: Points = { app: 0, sms: 0, email: 0, either: 0, recovery: 0, setup: 0, scan: 0, two: 0, sent: 0 };
  own(clues.name, points);
  const named = points.app;
  own(clues.label, points);
  if (fromApp(clues.label)) points.app += 3;
  for (const [i, words] of clues.lead.entries()) sentence(words, points, i < 6 ? 3 : 1.5);
  sentence(clues.group, points, 3);
  for (const words of clues.after.slice(0, 5)) sentence(words, points, 2);
  const told = points.app + points.sms + points.email + points.recovery >= 2;
  for (const words of clues.far) sentence(words, points, told ? 0.5 : 2);
  if (points.either >= 1.5) points.app -= named; // an app's and a message's share a field
  const { sent } = points;
  sentence(clues.button, points, 1);
  if (!code(clues.button) && !clues.button.has("resend")) points.sent = sent; // "Send" sends what was typed
  sentence(clues.page, points, 1);
  if (clues.links.has("resend")) points.sent += points.sent > 0 || points.two === 0 ? 2.5 : 1;
  if (clues.links.has("not received")) points.sent += points.sent > 0 ? 1 : 0.5;
  if (clues.mask === "phone") points.sms += points.sent > 0 ? 2 : 1;
  if (clues.mask === "email") points.email += points.sent > 0 ? 3 : 1;
  if (clues.picture === "qr") points.scan += 3;
  if (clues.key) points.scan += 2;
  if (clues.links.has("scan or secret")) points.scan += 0.5;
  // A message's field is often named as the app's: the text says more.
  if (named > 0 && points.app <= named && Math.max(points.sms, points.email) >= 3 && points.sent >= 2) points.app = 0;
  return decide(points, recoveryOnly(clues, points));
}

function own(words: Said, points: Points) {
  const worth = (concept: Concept, by: number) => (words.has(concept) ? by : 0);
  points.app += worth("authenticator app", 4);
  points.sms += worth("text message or call", 4);
  points.email += worth("e-mail", 4);
  points.recovery += worth("recovery code", 4);
  points.setup += worth("set-up", 1);
  points.scan += worth("scan or secret", 1);
  points.two += worth("two-factor", 2) + worth("authentication code", 1);
  points.sent += worth("sent", 2);
}

/** Whether a label says that an app shows the code, and names no message. */
function fromApp(words: Said): boolean {
  const other = words.has("authenticator app") || byMessage(words);
  return words.has("app") && code(words) && !words.has("sent") && !other;
}

/** A sentence about another way to sign in, or about what is lost, tells little of this one. */
function sentence(words: Said, points: Points, weight: number) {
  const share = words.has("another way") || words.has("not received") ? weight * 0.1 : weight;
  const sent = words.has("sent") || words.has("resend");
  const message = byMessage(words);
  const app = words.has("authenticator app") || (words.has("app") && code(words) && (message || !sent));
  const phone = words.has("phone") && sent && !app;
  if (app && message) points.either += share;
  if (app) points.app += words.has("authenticator app") ? share : share * 0.8;
  if (words.has("two-factor")) points.two += share * 0.4;
  if (words.has("authentication code")) points.two += share * 0.3;
  if (words.has("recovery code")) points.recovery += share;
  if (words.has("set-up")) points.setup += share;
  if (words.has("scan or secret")) points.scan += share;
  if (words.has("text message or call")) points.sms += share;
  else if (phone) points.sms += share * 0.8;
  if (words.has("e-mail")) points.email += sent || code(words) ? share : share * 0.6;
  if (sent) points.sent += share;
}

/** Whether a recovery code is asked for, and no other code beside it. */
function recoveryOnly({ name, label, lead }: Clues, { app, recovery, scan }: Points): boolean {
  if (recovery < 2 || scan >= 3) return false;
  const also = (words: Said) =>
    words.has("one-time code") || words.has("verification code") || words.has("authenticator app");
  if (label.has("recovery code")) return !also(label) && (name.has("recovery code") || !label.has("code"));
  if (name.has("recovery code")) return !also(name) || !also(label);
  const first = lead.find(
    (words) => words.has("recovery code") || (words.has("authenticator app") && !words.has("another way")),
  );
  return (
    app < recovery &&
    first?.has("recovery code") === true &&
    !code(first) &&
    !(label.has("two-factor") && code(label)) &&
    !(app > 0 ? also(label) : label.has("one-time code")) &&
    !first.has("authenticator app") &&
    !first.has("another way")
  );
}

function decide({ app, sms, email, either, setup, scan, two, sent }: Points, recovery: boolean): Judgement {
  const message = Math.max(sms, email) + (sms || email ? Math.min(sent, 3) * 0.5 : 0);
  if (recovery) return { kind: "recovery-code", plain: 1, reason: "recovery" };
  const all = setup + scan;
  if (
    (scan >= 2 ? all >= 3 : setup >= 4) &&
    (app >= 1 || two >= 1 || (all >= 5 && scan > 0)) &&
    (app >= message || message < 3)
  )
    return { kind: "enroll", plain: 0.9, reason: "setup" };
  if (either >= 1.5 && app - either < 3) return { kind: "otp-any", plain: 0.8, reason: "both" };
  if (app >= 2 && message < 2.5) return { kind: "totp", plain: 1, reason: "app" };
  if (app >= 2 && app >= message * 1.5) return { kind: "totp", plain: 0.8, reason: "app" };
  if (app >= 2 && message < app * 2) return { kind: "otp-any", plain: 0.7, reason: "both" };
  if (message >= (sent > 0 ? 2 : 3)) {
    const mail = email > sms;
    return {
      kind: mail ? "otp-email" : "otp-sms",
      plain: 0.9,
      reason: mail ? "mail" : "phone",
    };
  }
  if (sent >= 2.5) return { kind: email > sms ? "otp-email" : "otp-sms", plain: 0.5, reason: "code_sent" };
  if (two >= 2) return { kind: "totp", plain: 0.7, reason: "two" };
  return { kind: "otp-any", plain: 0.5, reason: "unsaid" };
}
