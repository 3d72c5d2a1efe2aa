import type { Inputs } from "./boxes.ts";
import { type Concept, said } from "./concepts.ts";
import { formOf, type Input } from "./editable.ts";
import { holds, taken } from "./fill.ts";

/** What sends a form when Enter is pressed in it; and what else people press. */
const SENDS = "button:not([type=button],[type=reset]),[type=submit]";
const BUTTONS = "button,[role=button]";

/**
 * Sends a code that is about to go into a field, unless the page does: from now on
 * it looks for the page's own form, or the page, going off. What it gives is called
 * once the page had time for that.
 */
export function sender(inputs: Inputs, code: string): () => void {
  const watch = new AbortController();
  const { signal } = watch;
  const options = { capture: true, signal };
  const gone = () => watch.abort();
  inputs[0].getRootNode().addEventListener("submit", gone, options);
  addEventListener("beforeunload", gone, options);
  return () => {
    if (!signal.aborted && holds(inputs, code) && !taken(inputs)) submit(inputs[0]);
    gone();
  };
}

/**
 * Sends what is in a field, as Enter would: by the form's own button. Without
 * one it presses the only button nearby, or of several the one that speaks of
 * verifying.
 */
export function submit(input: Input): void {
  const form = formOf(input);
  const says = (button: Element, concept: Concept) => said(button.textContent).has(concept);
  const within = (at: Element, buttons: string) =>
    [...at.querySelectorAll<HTMLElement>(buttons)].filter((each) => !says(each, "resend"));
  const own = form && within(form, SENDS)[0];
  if (own) return own.click();
  for (let at = input.parentElement, i = 0; at && i < 5; i++, at = at.parentElement) {
    const near = within(at, BUTTONS);
    if (near[0]) return (near[1] ? near.find((each) => says(each, "verify")) : near[0])?.click();
  }
  form?.requestSubmit();
}
