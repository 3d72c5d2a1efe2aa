import type {} from "./content.ts";
import { type Input, typed, typedIn } from "./editable.ts";
import { HINT } from "./hint.ts";
import { LOAD } from "./messages.ts";
import { makeTrees } from "./shadows.ts";
import { pace } from "./throttle.ts";

// What runs in every page: it waits for an input that could be for a code, and
// then has the background load content.ts into this document. Until then it
// costs one observer, one listener, and a search for inputs when the page
// changes; nothing of the extension API is touched, as already that takes as long
// as all the rest.

/** Until content.ts is asked for again where it did not come, in ms. */
const AGAIN = 5000;
/** The share of the time that searches for inputs may take, what they may take at once, and the longest time between two, in ms. */
const SEARCHES = [1 / 4000, 0.5, 500] as const;
/** And that walks for shadow trees may. */
const WALKS = [1 / 8000, 0.3, 3000] as const;
/** More changes at once than this are not looked through for an input. */
const FEW = 8;
/** What makes an input worth a closer look, which content.ts takes, where its markup says nothing of a code. */
const DIGITS = /numeric|tel"/;

/** What changes of a page; the attributes are those that make another field of an input. */
const CHANGES: MutationObserverInit = {
  subtree: true,
  childList: true,
  characterData: true,
  attributeFilter: ["type", "name", "id", "autocomplete", "inputmode", "maxlength", "placeholder", "contenteditable"],
};

const observer = new MutationObserver(changed);
let parts: ReturnType<typeof make> | undefined;
let asked = Number.NEGATIVE_INFINITY;

/** What is needed from the first change on: even to make it takes as long as all the rest. */
function make() {
  const trees = makeTrees((root) => {
    observer.observe(root, CHANGES);
    searches.soon(true);
  });
  const searches = pace(search, ...SEARCHES);
  const walks = pace(() => trees.walk(), ...WALKS);
  return { trees, searches, walks };
}

function changed(records: MutationRecord[]) {
  parts ??= make();
  parts.searches.soon(records.length <= FEW && records.some(brings));
}

/** Whether a change brought an input. Takes in the shadow trees that it brought. */
function brings({ target, type, addedNodes }: MutationRecord): boolean {
  if (type === "attributes") return typed(target);
  return [...addedNodes].some((node) => {
    if (!(node instanceof Element)) return false;
    parts?.trees.search(node);
    return typed(node) || typedIn(node).length > 0;
  });
}

function search() {
  if (globalThis.codefob) return stop();
  parts?.walks.soon();
  if ([...(parts?.trees.roots ?? [document])].some(hopeful)) load();
}

function hopeful(root: Document | ShadowRoot): boolean {
  const inputs = typedIn(root);
  if (inputs.length === 0) return false;
  const labels = root.querySelectorAll("label");
  return [...inputs].some(hints) || [...labels].some((label) => HINT.test(label.textContent ?? ""));
}

function hints(input: Input): boolean {
  if (input instanceof HTMLInputElement)
    return input.type !== "hidden" && [HINT, DIGITS].some((each) => each.test(input.outerHTML));
  return [...input.attributes].some(({ value }) => HINT.test(value)); // what is in it may be a whole text
}

function focused(event: Event) {
  const target = event.composedPath()[0];
  if (!typed(target)) return;
  const root = target.getRootNode();
  parts ??= make();
  if (root instanceof ShadowRoot) parts.trees.enter(root);
  parts.searches.soon(true);
}

function load() {
  const now = performance.now();
  if (now - asked < AGAIN) return;
  asked = now;
  if (!chrome.runtime?.id) return stop(); // the extension was updated or removed
  chrome.runtime.sendMessage(LOAD).catch(() => undefined);
  setTimeout(search, AGAIN + 10);
}

function stop() {
  for (const each of Object.values(parts ?? {})) each.stop();
  observer.disconnect();
  document.removeEventListener("focusin", focused, true);
}

function start() {
  observer.observe(document, CHANGES);
  document.addEventListener("focusin", focused, true);
  search();
}

// A document without an origin of its own (sandboxed, data:) never gets a code.
if (self.origin !== "null") {
  if ("prerendering" in document && document.prerendering)
    document.addEventListener("prerenderingchange", start, { once: true });
  else start();
}
