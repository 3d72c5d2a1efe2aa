import { oneTime } from "./boxes.ts";
import { type Input, tall } from "./editable.ts";

/** Nobody scrolls so far to the right, in CSS pixels. */
const FAR = 10_000;

/** Whether people can meet an input at all: not hidden, off the screen, a pixel wide, or no line. Forces layout. */
export function shown(input: Input): boolean {
  if (!(input.checkVisibility?.({ visibilityProperty: true }) ?? true)) return false;
  if (input.tabIndex < 0 && input.closest("[aria-hidden=true]")) return false;
  if (tall(input)) return false;
  const { width, height, left, right, bottom } = input.getBoundingClientRect();
  if (width < 4 || height < 4 || right + scrollX <= 0 || bottom + scrollY <= 0 || left + scrollX > FAR) return false;
  return input.checkVisibility?.({ opacityProperty: true }) !== false || oneTime(input);
}
