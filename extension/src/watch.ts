import type { Search, searching } from "./search.ts";

// What runs in every page: one observer and two listeners. All that a page needs
// only once it changes is in search.ts; nothing of the extension API is touched
// here, as already that takes as long as all the rest.

/** search.ts, within a function: the engine does not take it apart before it is called (build.mjs). */
declare function lateSearch(): typeof searching;

/** What changes of a page; the attributes are those that make another field of an input. */
const CHANGES: MutationObserverInit = {
  subtree: true,
  childList: true,
  characterData: true,
  attributeFilter: ["type", "name", "id", "autocomplete", "inputmode", "maxlength", "placeholder", "contenteditable"],
};

const observer = new MutationObserver((records) => search().changed(records));
let made: Search | undefined;

function search(): Search {
  made ??= lateSearch()({ observe, rest: () => observer.disconnect(), stop });
  return made;
}

function observe(root: Document | ShadowRoot) {
  observer.observe(root, CHANGES);
}

function focused(event: Event) {
  search().focused(event);
}

/** A link for an authenticator app leads to the popup: browsers know nobody for it. */
function clicked(event: Event) {
  const link = event.composedPath().find((each) => each instanceof HTMLAnchorElement);
  if (!event.isTrusted || !/^otpauth(-migration)?:/.test(link?.protocol ?? "")) return;
  event.preventDefault();
  search().linked(link?.href ?? "");
}

function stop() {
  observer.disconnect();
  document.removeEventListener("focusin", focused, true);
}

function start() {
  observe(document);
  document.addEventListener("focusin", focused, true);
  document.addEventListener("click", clicked, true);
  if (document.querySelector("input")) search().start();
}

// A document without an origin of its own (sandboxed, data:) never gets a code.
if (self.origin !== "null") {
  if ("prerendering" in document && document.prerendering)
    document.addEventListener("prerenderingchange", start, { once: true });
  else start();
}
