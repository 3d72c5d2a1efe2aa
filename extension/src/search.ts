import type {} from "./content.ts";
import { EDITABLE, type Input, typed, typedIn } from "./editable.ts";
import { HINT } from "./hint.ts";
import { LOAD } from "./messages.ts";
import { makeTrees } from "./shadows.ts";
import { pace } from "./throttle.ts";

/** Until content.ts is asked for again where it did not come, in ms. */
const AGAIN = 5000;
/** The share of the time that searches for inputs may take, what they may take at once, and the longest time between two, in ms. */
const SEARCHES = [1 / 1500, 0.5, 500] as const;
/** And that walks for shadow trees, and for what is like an input, may. */
const WALKS = [1 / 8000, 0.3, 3000] as const;
/** More changes at once than this are not looked through for an input, and not heard of again before the next search. */
const FEW = 8;
/** What makes an input worth a closer look, which content.ts takes, where its markup says nothing of a code. */
const DIGITS = /numeric|tel"/;

/** Waits for an input that could be for a code. */
export interface Search {
  /** Looks at the page as it is at first. */
  start(): void;
  changed(records: MutationRecord[]): void;
  focused(event: Event): void;
  /** The user clicked on a link for an authenticator app. */
  linked(otpauth: string): void;
}

/** What a search has of the script that every page runs. */
export interface Watch {
  /** Hears of the changes of a tree from now on. */
  observe(root: Document | ShadowRoot): void;
  /** Hears of no change any more. */
  rest(): void;
  stop(): void;
}

/** Has the background load content.ts once there is an input that could be for a code. */
export function searching(watch: Watch): Search {
  const trees = makeTrees((root) => {
    watch.observe(root);
    searches.soon(true);
  });
  const searches = pace(search, ...SEARCHES);
  const walks = pace(walk, ...WALKS);
  let editable = false; // whether there was something like an input; to look for one takes five times as long
  let resting = false;
  let asked = Number.NEGATIVE_INFINITY;

  function search() {
    if (globalThis.codefob) return end();
    if (resting) trees.roots.forEach(watch.observe);
    resting = false;
    walks.soon();
    if ([...trees.roots].some(hopeful)) load();
  }

  function walk() {
    trees.walk();
    if (editable) return;
    editable = [...trees.roots].some((root) => root.querySelector(EDITABLE));
    if (editable) searches.soon(true);
  }

  function hopeful(root: Document | ShadowRoot): boolean {
    if (!editable && !root.querySelector("input")) return false;
    const inputs = typedIn(root);
    const markup = [...inputs].map(said).join();
    if (HINT.test(markup) || DIGITS.test(markup)) return true;
    return HINT.test([...root.querySelectorAll("label")].map((label) => label.textContent).join());
  }

  function load() {
    const now = performance.now();
    if (now - asked < AGAIN) return;
    asked = now;
    if (!chrome.runtime?.id) return end(); // the extension was updated or removed
    chrome.runtime.sendMessage(LOAD).catch(() => undefined);
    setTimeout(search, AGAIN + 10);
  }

  function end() {
    for (const each of [trees, searches, walks]) each.stop();
    watch.stop();
  }

  /** Whether a change brought an input. Takes in the shadow trees that it brought. */
  function brings({ target, type, addedNodes }: MutationRecord): boolean {
    if (type === "attributes") return likeInput(target);
    return [...addedNodes].some((node) => {
      if (!(node instanceof Element)) return false;
      trees.search(node);
      return likeInput(node) || [...typedIn(node)].filter(likeInput).length > 0;
    });
  }

  /** Whether this is an input or like one. */
  function likeInput(node: unknown): boolean {
    if (!typed(node)) return false;
    editable ||= !(node instanceof HTMLInputElement);
    return true;
  }

  return {
    start: search,
    changed(records) {
      resting = records.length > FEW;
      if (resting) watch.rest();
      searches.soon(!resting && records.some(brings));
    },
    focused(event) {
      const target = event.composedPath()[0];
      if (!likeInput(target)) return;
      const root = (target as Element).getRootNode();
      if (root instanceof ShadowRoot) trees.enter(root);
      searches.soon(true);
    },
    linked(otpauth) {
      if (chrome.runtime?.id) chrome.runtime.sendMessage({ otpauth }).catch(() => undefined);
    },
  };
}

/** What an input says of itself. What is in one that is only like an input may be a whole text. */
function said(input: Input): string {
  if (!(input instanceof HTMLInputElement)) return [...input.attributes].map(({ value }) => value).join();
  return input.type === "hidden" ? "" : input.outerHTML;
}
