import { oneTime } from "./boxes.ts";
import { type Input, locked, tall } from "./editable.ts";
import type { Field } from "./find.ts";

/** The least opacity, over all that encloses it, with which a field counts as seen. */
const LEAST_OPACITY = 0.3;
/** The least width and height of an input, in CSS pixels. */
const LEAST_SIDE = 12;
const OPACITY_FILTER = /opacity\(\s*(0?\.\d+|\d+%|0)/;

/** Whether an input is drawn at all: cheap, for the search. Forces layout. */
export function drawn(input: Input): boolean {
  if (tall(input)) return false;
  return visible(input) || (input.checkVisibility({ visibilityProperty: true }) && slots(input) !== undefined);
}

function visible(element: Element): boolean {
  if (!element.isConnected || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    return false;
  const { width, height } = element.getBoundingClientRect();
  return width >= LEAST_SIDE && height >= LEAST_SIDE;
}

/** Which inputs are drawn, and when that changes. */
export interface Drawing {
  /** Whether an input is drawn now; it is watched from then on. */
  drawn(input: Input): boolean;
  stop(): void;
}

/** Until an input that is not drawn is looked at again, in ms: at first, and at last. */
const [FIRST, LAST] = [50, 3200];

/**
 * Calls changed when an input that was asked for appears or goes. The browser
 * tells of what changes its box; for its opacity, which an animation may
 * change, it is looked at again, each time after twice as long.
 */
export function makeDrawing(changed: () => void): Drawing {
  const known = new Map<Input, boolean>();
  const observer = new ResizeObserver(check);
  let timer: ReturnType<typeof setTimeout> | undefined;

  function check() {
    let news = false;
    for (const [input, was] of [...known]) {
      const is = drawn(input);
      known.set(input, is);
      news ||= is !== was;
      if (input.isConnected) continue;
      known.delete(input);
      observer.unobserve(input);
    }
    if (news) changed();
  }
  function again(after: number) {
    clearTimeout(timer);
    if (after > LAST) return;
    timer = setTimeout(() => {
      again(after * 2);
      check();
    }, after);
  }
  return {
    drawn(input) {
      const is = drawn(input);
      if (!known.has(input)) observer.observe(input);
      known.set(input, is);
      if (!is) again(FIRST);
      return is;
    },
    stop() {
      clearTimeout(timer);
      observer.disconnect();
    },
  };
}

/**
 * What a page shows in place of an input that it keeps out of sight: the element
 * around the input and a row of 4 to 10 slots, all of a size, for a character each.
 */
function slots(input: Input): Element | undefined {
  const around = input.parentElement;
  if (!oneTime(input) || !around) return undefined;
  const rows = new Map<string, Set<number>>(); // by top, width and height → left sides
  for (const slot of around.querySelectorAll(":scope > *, :scope > * > *")) {
    if (slot.matches("input") || slot.querySelector("input:not([tabindex='-1'])") || slot.textContent.trim().length > 1)
      continue;
    if (!visible(slot)) continue;
    const { left, top, width, height } = slot.getBoundingClientRect();
    const row = [top, width, height].map(Math.round).join();
    rows.set(row, (rows.get(row) ?? new Set()).add(left));
  }
  return [...rows.values()].some(({ size }) => size >= 4 && size <= 10) ? around : undefined;
}

/** What the user sees of an input. */
function face(input: Input): Element {
  return visible(input) ? input : (slots(input) ?? input);
}

/**
 * Whether the user can see every input of a field and write into it: drawn, on
 * the screen, not see-through, not clipped away, not under something else.
 * Scrolls to it if need be. The last look is one without a pause: a page that
 * knows of the first ones has nothing of it.
 */
export async function seen(inputs: Field["inputs"]): Promise<true | "hidden" | "covered"> {
  const first = face(inputs[0]);
  if (!(await onScreen(first))) {
    first.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
    if (!(await onScreen(first))) return "hidden";
  }
  return inSight(inputs);
}

/** The same but for what clips it, as of now. */
export function inSight(inputs: Field["inputs"]): true | "hidden" | "covered" {
  if (!inputs.every((input) => drawn(input) && free(input) && opaque(face(input)))) return "hidden";
  return inputs.every(uncovered) ? true : "covered";
}

function free(input: Input): boolean {
  return !locked(input) && !input.matches(":disabled,:read-only");
}

function opaque(input: Element): boolean {
  let opacity = 1;
  for (let at: Element | null = input; at; at = at.assignedSlot ?? at.parentElement ?? hostOf(at)) {
    const style = getComputedStyle(at);
    opacity *= Number(style.opacity);
    if (OPACITY_FILTER.test(style.filter)) return false;
  }
  return opacity >= LEAST_OPACITY;
}

function hostOf(element: Element): Element | null {
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? root.host : null;
}

/** Asks the browser how much of an input lies inside the window and all that clips it, frames included. */
function onScreen(input: Element): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (yes: boolean) => {
      clearTimeout(timer);
      observer.disconnect();
      resolve(yes);
    };
    const observer = new IntersectionObserver((entries) => done((entries.at(-1)?.intersectionRatio ?? 0) >= 0.5));
    const timer = setTimeout(() => done(false), 1000); // the page is not being drawn
    observer.observe(input);
  });
}

/** Whether most of an input's points belong to it, or to what labels it. */
function uncovered(input: Input): boolean {
  const shown = face(input);
  const { left, top, width, height } = shown.getBoundingClientRect();
  const root = input.getRootNode() as Document | ShadowRoot;
  const spots = [
    [0.5, 0.5],
    [0.2, 0.3],
    [0.8, 0.3],
    [0.2, 0.7],
    [0.8, 0.7],
  ] as const;
  const hits = spots.filter(([x, y]) => {
    const hit = root.elementFromPoint(left + x * width, top + y * height);
    return hit !== null && (shown.contains(hit) || (hit.contains(input) === false && labels(hit, input)));
  });
  return hits.length >= 3;
}

function labels(hit: Element, input: Input): boolean {
  return hit.closest("label")?.control === input;
}
