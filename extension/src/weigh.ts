import type { Clues } from "./clues.ts";
import type { Concept, Said } from "./concepts.ts";

/** How much speaks for a field being for a code at all, and why, in words. */
export interface Weight {
  readonly score: number; // 3 and more: it is one
  readonly reasons: readonly string[];
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
};
/** What a field says of itself that no code field does, whatever else it says. */
const NEVER: Points = {
  card: -6,
  captcha: -7,
  voucher: -6,
  postal: -5,
  "activation, licence, order": -5,
  "setting or search": -6,
};
/** And what one may say too, where it says that it is for a code. */
const RATHER: Points = { PIN: -3, "phone number": -5, "e-mail": -4, "user name, password": -5, "other fields": -4 };
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
  return STRONG.some((each) => each !== "two-factor" && words.has(each)) || (words.has("code") && about);
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
  if (clues.auto === "one-time-code") sum.add(5, "asks the browser for a one-time code");
  else if (/\b(cc-|postal|tel|bday|username|password|email|street|country|name)/.test(clues.auto))
    sum.add(-8, `asks the browser for “${clues.auto}”`);
  const strong = names(clues.name) || names(clues.label);
  sum.own("name", clues.name, strong);
  sum.own("label", clues.label, strong);
  if (clues.auto !== "one-time-code" && !tells(clues.label) && !tells(clues.name)) {
    if (clues.labelled) sum.add(-3, "its label speaks of something else");
    else if (clues.lead.slice(0, 4).every((words) => !names(words) && !words.has("code")))
      sum.add(-2, "nothing near it asks for a code");
  }
  if (sum.score > -4) around(clues, sum);
  if (sum.texts > 0 && clues.boxes) sum.add(2.5, "has a box for each character");
  else if (sum.texts > 0 && clues.shape) sum.add(1, "takes a few digits");
  if (clues.picture === "captcha") sum.add(-6, "a picture of letters stands beside it");
  return sum;
}

function around({ group, lead, after, button, page, mask }: Clues, sum: Sum) {
  sum.around("its group", [group], 1);
  sum.around("the text before it", lead.slice(0, 8), 1);
  sum.around("the text behind it", after.slice(0, 3), 0.5);
  sum.around("the button", [button], 0.4);
  sum.around("the page's title", [page], 0.4);
  const sent = [...lead, ...after].some((each) => each.has("sent"));
  if (sent && mask) sum.add(1, `something was sent to a masked ${mask}`);
  const code = [...lead.slice(0, 4), ...after.slice(0, 2)].some((each) => each.has("code"));
  if (sent && code) sum.add(1.5, "a code was sent");
}

class Sum implements Weight {
  score = 0;
  texts = 0;
  readonly reasons: string[] = [];

  add(points: number, reason: string) {
    this.score += points;
    this.reasons.push(reason);
  }

  /** What a field says of itself: the strongest word for it, and every one against it. */
  own(where: string, words: Said, strong: boolean) {
    const [most, concept] = best(words, OWN);
    const points = most > 0 && names(words) ? Math.max(most, 3.5) : most;
    if (concept) this.say(points, where, words, concept);
    for (const [against, cost] of Object.entries({ ...NEVER, ...(strong ? {} : RATHER) }) as [Concept, number][])
      if (words.has(against) && !(words.has("one-time code") && cost > -6) && !rather(words, against))
        this.say(cost, where, words, against);
  }

  /** The strongest word around a field, and what the nearest sentences say against it. */
  around(where: string, texts: readonly Said[], share: number) {
    const against = where === "the page's title" ? 1 : share;
    const each = texts.map((words) => [...best(words, AROUND), words] as const).sort((a, b) => b[0] - a[0]);
    const [top] = each;
    if (top?.[1]) this.say(top[0] * share, where, top[2], top[1]);
    for (const [concept, cost] of Object.entries(ELSEWHERE) as [Concept, number][]) {
      const found = texts.slice(0, 4).find((words) => words.has(concept) && !OURS.some((one) => words.has(one)));
      if (found) this.say(cost * against, where, found, concept);
    }
  }

  private say(points: number, where: string, words: Said, concept: Concept) {
    if (points > 0) this.texts += points;
    this.add(points, `${where} says “${words.get(concept)}” (${concept})`);
  }
}

/** An e-mail code's label may say e-mail, a code's label may say PIN. */
function rather(words: Said, against: Concept): boolean {
  return (against === "e-mail" || against === "PIN") && words.has("code") && !words.has("user name, password");
}

function best(words: Said, points: Points): [number, Concept | undefined] {
  let top: [number, Concept | undefined] = [0, undefined];
  for (const concept of words.keys()) {
    const worth = points[concept] ?? 0;
    if (worth > top[0]) top = [worth, concept];
  }
  return top;
}
