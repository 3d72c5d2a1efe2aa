import type { Clues } from "./clues.ts";
import { byMessage, type Concept, code, type Said } from "./concepts.ts";
import type { Fact, Place, Reason } from "./reasons.ts";

/** How much speaks for a field being for a code at all, and why. */
export interface Weight {
  readonly score: number; // 3 and more: it is one
  readonly reasons: readonly Reason[];
}

/** From this score on a field is taken for one for a code. */
export const ENOUGH = 3;

type Points = Partial<Record<Concept, number>>;

const OWN: Points = {
  "authenticator app": 4,
  "one-time code": 4,
  "two-factor": 2.5,
  "recovery code": 4,
  "verification code": 3.5,
  "text message or call": 1,
  code: 1.5,
};
const AROUND: Points = {
  "authenticator app": 3,
  "one-time code": 3,
  "two-factor": 2.5,
  "recovery code": 2.5,
  "verification code": 2.5,
  "text message or call": 0.5,
  code: 0.5,
  verify: 0.4,
};
/** What a field says of itself that no code field does, whatever else it says. */
const NEVER: Points = {
  "security key": -8,
  card: -6,
  captcha: -7,
  voucher: -6,
  postal: -5,
  "activation, licence, order": -5,
  "setting or search": -6,
};
/** And what one may say too, where it says that it is for a code. */
const RATHER: Points = {
  "scan or secret": -8,
  PIN: -3,
  "phone number": -5,
  "e-mail": -4,
  "user name, password": -5,
  "other fields": -4,
};
/** What may be meant of a code as well, where other words are plain. */
const DOUBTED: readonly Concept[] = ["PIN", "user name, password", "activation, licence, order"];
/** What the sentences around it say against it. */
const ELSEWHERE: Points = {
  card: -2.5,
  captcha: -3.5,
  voucher: -3,
  postal: -2.5,
  PIN: -2.5,
  "activation, licence, order": -4,
};

/** Whether a text names a code of ours, not only what such codes are about. */
function names(words: Said): boolean {
  const about = words.has("two-factor") || words.has("text message or call");
  return (
    STRONG.some((each) => each !== "two-factor" && words.has(each)) ||
    (words.has("code") && (about || words.has("app"))) ||
    (words.has("sent") && words.has("text message or call"))
  );
}

/** Whether a text says that a field takes some code. */
function tells(words: Said): boolean {
  return names(words) || words.has("code") || words.has("recovery code");
}

/** What keeps a sentence from being about something else. */
const OURS: readonly Concept[] = ["authenticator app", "one-time code", "two-factor"];
const STRONG: readonly Concept[] = ["authenticator app", "one-time code", "two-factor", "verification code"];

/** Weighs what speaks for and against. A shape counts only where a text does. */
export function weigh(clues: Clues): Weight {
  const sum = new Sum();
  const once = clues.auto === "one-time-code";
  if (once) sum.add(5, "asks");
  else if (/new-password/.test(clues.auto)) sum.add(-2, "asks_new");
  else if (/\b(cc-|postal|tel|bday|username|password|email|street|address|country|name|organi)/.test(clues.auto))
    sum.add(-12, "asks_other", clues.auto);
  if (clues.long) sum.add(-12, "long");
  if (clues.search) sum.add(-5, "search");
  if (clues.preset) sum.add(-4, "preset");
  if (clues.roomy && !tells(clues.label) && !tells(clues.name)) sum.add(-2, "roomy");
  const near = [...clues.lead.slice(0, 4), ...clues.after.slice(0, 2), clues.group];
  const plain = tells(clues.label) || names(clues.name);
  const ours = near.some((words) => OURS.some((each) => each !== "two-factor" && words.has(each)));
  const { name, label } = clues;
  const number = name.has("phone number") && !tells(name) && (label.has("phone number") || label.has("phone"));
  const sent = byMessage(label); // Chinese programs call that a captcha too
  sum.own(
    "name",
    sent ? new Map([...name].filter(([concept]) => concept !== "captcha")) : name,
    (plain && !number) || (!clues.labelled && clues.lead.slice(0, 2).some(names)),
    names(clues.label) ? 0.5 : 1,
  );
  const strong = names(label) && (code(label) || !label.has("scan or secret"));
  sum.own("label", label, strong, names(clues.name) || ours ? 0.5 : 1);
  const told =
    tells(clues.label) || tells(clues.name) || clues.label.has("two-factor") || (ours && clues.label.has("PIN"));
  if (!once && !told) {
    if (clues.labelled && !clues.boxes && clues.label.size > 0) sum.add(-3, "label_other");
    else if (!near.some((words) => tells(words) || message(words))) sum.add(-2, "nothing");
    else if (clues.labelled && !clues.boxes) sum.add(-1, "label_nothing");
  }
  if (clues.second && told) sum.add(1.5, "two");
  if (sum.score > -4) around(clues, near, sum);
  if (sum.texts > 0 && clues.boxes) sum.add(2.5, "boxes");
  else if (sum.texts > 0 && clues.shape) sum.add(1, "digits");
  if (sum.texts > 0 && clues.alone) sum.add(1, "alone");
  if (near.slice(0, -1).some(another) && !near.slice(0, -1).some((words) => names(words) || message(words)))
    sum.add(clues.boxes ? -9 : -5, "another"); // boxes are named by their library
  if (clues.picture === "captcha") sum.add(-8, "captcha");
  return sum;
}

/** Whether a text speaks of a code that is none of ours. */
function another(words: Said): boolean {
  const others: Concept[] = ["activation, licence, order", "voucher", "card", "PIN", "security key"];
  return others.some((each) => words.has(each) && !secret(words, each));
}

/** Whether a secret code is the one that an app takes over, and no PIN. */
function secret(words: Said, concept: Concept): boolean {
  return concept === "PIN" && words.has("scan or secret");
}

/** Whether a text says that a message was sent. */
function message(words: Said): boolean {
  return words.has("sent") && (byMessage(words) || words.has("phone"));
}

function around({ group, lead, far, after, button, page, mask }: Clues, near: readonly Said[], sum: Sum) {
  if (near.some(message) || (mask && near.some((words) => words.has("sent")))) sum.share = 0.4;
  if (lead.slice(0, 2).some((words) => words.has("authenticator app"))) sum.share = 0.4;
  sum.around("group", [group], 1);
  const heard = lead.some((words) => best(words, AROUND)[0] >= 0.5);
  sum.around("before", lead.slice(0, 8), 1);
  if (!heard) sum.around("far", far.slice(0, 6), 0.8);
  sum.around("after", after.slice(0, 3), 0.5);
  sum.around("button", [button], 0.4);
  sum.around("title", [page], 0.4);
  const sent = [...lead, ...after].some((words) => words.has("sent"));
  if (sent && mask) sum.add(1, "mask");
  if (sent && near.some((words) => tells(words))) sum.add(1.5, "code_sent");
  else if (near.some(message)) sum.add(2, "message_sent");
}

class Sum implements Weight {
  score = 0;
  texts = 0;
  share = 1; // of what speaks against it: less where a message was sent
  readonly reasons: Reason[] = [];

  add(points: number, why: Fact, word?: string) {
    this.score += points;
    this.reasons.push(word === undefined ? { why } : { why, word });
  }

  /** What a field says of itself: the strongest word for it, and every one against it. */
  own(where: Place, words: Said, strong: boolean, doubt: number) {
    const [most, concept] = best(words, OWN);
    const again = this.texts > 0 && concept === "code" ? 0.5 : most; // two weak words are no strong one
    const points = most > 0 && names(words) ? Math.max(most, 3.5) : again;
    if (concept) this.say(points, where, words, concept);
    for (const [against, cost] of Object.entries({ ...NEVER, ...(strong ? {} : RATHER) }) as [Concept, number][])
      if (words.has(against) && !(words.has("one-time code") && cost > -6) && !rather(words, against))
        this.say(DOUBTED.includes(against) ? cost * doubt : cost, where, words, against);
  }

  /** The strongest word around a field, and what the nearest sentences say against it. */
  around(where: Place, texts: readonly Said[], share: number) {
    const against = where === "title" ? 1 : share;
    const each = texts.map((words) => [...best(words, AROUND), words] as const).sort((a, b) => b[0] - a[0]);
    const [top] = each;
    if (top?.[1]) this.say(top[0] * share, where, top[2], top[1]);
    for (const [concept, cost] of Object.entries(ELSEWHERE) as [Concept, number][]) {
      const found = texts
        .slice(0, 4)
        .findIndex(
          (words) =>
            words.has(concept) &&
            !OURS.some((one) => words.has(one)) &&
            !secret(words, concept) &&
            !(words.has("sent") && (concept === "postal" || concept === "PIN")),
        );
      const nearest = where === "before" && found >= 0 && found < 2 ? 1.5 : 1;
      if (found >= 0)
        this.say(
          cost * (concept === "captcha" ? 1.5 : against) * nearest * this.share,
          where,
          texts[found] as Said,
          concept,
        );
    }
  }

  private say(points: number, where: Place, words: Said, concept: Concept) {
    if (points > 0) this.texts += points;
    this.score += points;
    this.reasons.push({ why: where, word: words.get(concept) ?? "", concept });
  }
}

/** An e-mail code's label may say e-mail, a code's label may say PIN. */
function rather(words: Said, against: Concept): boolean {
  return ["e-mail", "PIN", "scan or secret"].includes(against) && code(words) && !words.has("user name, password");
}

function best(words: Said, points: Points): [number, Concept | undefined] {
  let top: [number, Concept | undefined] = [0, undefined];
  for (const concept of words.keys()) {
    const worth = points[concept] ?? 0;
    if (worth > top[0]) top = [worth, concept];
  }
  return top;
}
