import type { Stranger } from "./answer.ts";
import { button, command, make, text } from "./draw.ts";
import { say } from "./words.ts";

// The question whether a program that answers under the host's name is the
// user's, for the popup and the options page.

/** What the user may do here. None of it takes the focus by itself: Enter must not answer. */
export interface Acts {
  same(): void;
  differs(): void;
  /** Makes a button dead until it may be pressed. */
  armed(button: HTMLElement): HTMLElement;
}

/** Has the user compare the code of a program that is not trusted yet. */
export function compare({ code }: Stranger, { same, differs, armed }: Acts): Node[] {
  const shown = make("output", "", code);
  shown.tabIndex = 0;
  shown.ariaLabel = `${say("pair_code")}: ${[...code].join(" ")}`;
  return [
    ...text(say("problem_host_unknown_title"), say("problem_host_unknown_text")),
    make("div", "code pair", shown),
    make("p", "", say("pair_question")),
    make("div", "buttons", armed(button(say("pair_same"), same)), button(say("pair_differs"), differs)),
  ];
}

/** The user saw another code in the terminal. */
export function other(): Node[] {
  return [...text(say("pair_other_title"), say("pair_other_text")), command("codefob doctor")];
}

/** The way from a warning to the question: a new installation has a new key. */
export function anew(compare: () => void): Node[] {
  return [make("p", "anew", say("pair_anew")), button(say("pair_compare"), compare, "link")];
}
