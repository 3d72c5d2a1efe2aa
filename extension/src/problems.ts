import type { Stranger } from "./answer.ts";
import { button, command, make, text } from "./draw.ts";
import type { Acts as Common } from "./enrollment.ts";
import type { Problem } from "./messages.ts";
import { anew } from "./pairing.ts";
import type { Account } from "./protocol.ts";
import type { Model } from "./view.ts";
import { wayOut } from "./wayout.ts";
import { say } from "./words.ts";

// What the popup says where something is wrong, and the way out of it.

/** What the user may do here. */
export interface Acts extends Common {
  /** Asks for everything anew. */
  retry(): void;
  /** Copies a code, for a while. */
  copy(code: string): Promise<void>;
}

/** What is wrong. */
interface Wrong {
  readonly problem: Problem;
  readonly hint?: string;
  readonly account?: Account; // whose code did not get in
  readonly unused?: string; // a recovery code that did not
  readonly stranger?: Stranger; // that answered in the host's place
}

/** What is wrong, where the way on stands beside it. */
export function trouble(problem: Problem, hint?: string): Node[] {
  const nodes = text(say(`problem_${problem}_title`), say(`problem_${problem}_text`));
  return hint ? [...nodes, make("p", "", hint)] : nodes;
}

/** What is wrong, and what to do. */
export function problem(wrong: Wrong, { unlocking }: Model, acts: Acts): Node[] {
  const { happen, primary, armed, back, retry } = acts;
  const { problem, hint, account, unused, stranger } = wrong;
  if (unused) return notUsed(problem, unused, acts);
  const way = wayOut(problem);
  const nodes = way.command ? [...trouble(problem), command(way.command)] : trouble(problem, hint);
  const buttons = make("div", "buttons");
  if (way.act === "unlock") {
    if (unlocking) nodes.push(make("p", "note", say("unlocking")));
    else buttons.append(primary(say("unlock"), () => happen({ type: "unlock" }), false));
  } else if (way.act === "copy" && account) {
    buttons.append(armed(primary(say("copy"), () => happen({ type: "ask", purpose: "copy" }), false)), back());
  } else buttons.append(primary(say("try_again"), retry, false));
  return [...nodes, buttons, ...(stranger ? anew(() => happen({ type: "compare" })) : [])];
}

/** A recovery code that did not get into the page: it counts as used, so the user gets it. */
function notUsed(problem: Problem, recoveryCode: string, { retry, copy }: Acts): Node[] {
  return [
    ...text(say(`problem_${problem}_title`), say("unused_text")),
    command(recoveryCode, say("copy"), copy),
    make("div", "buttons", button(say("back"), retry)),
  ];
}
