import type {} from "./content.ts";
import { LOAD } from "./messages.ts";
import { shadowsIn } from "./shadows.ts";

// What runs in every page: it waits for an input that could be for a code, and
// then has the background load content.ts into this document. Until then it
// costs one observer, one listener, and now and then a search for inputs;
// nothing of the extension API is touched, as already that takes as long as all
// the rest. A field in a shadow tree is found when it gets the focus, when the
// page changes, or when the user opens the popup.

/** Between two looks at a page that changes, in ms. */
const REST = 500;
/** Until content.ts is asked for again where it did not come, in ms. */
const AGAIN = 5000;
/** What may be said of a field for a code; content.ts looks closer. */
const HINT =
  /otp|[ck][oóòôõ]d|one.?time|[2mt]fa|token|\bpin\b|verif|auth|factor|digit|challenge|maxlength="[1678]"|numeric|tel"|код|κωδ|קוד|رمز|كود|کد|कोड|รหัส|mã|コード|番号|코드|번호|[码碼]/i;

/** Between two walks of a page that changes for shadow trees, in ms. */
const WALK = 3000;

const known = new Set<ShadowRoot>();
const observer = new MutationObserver(soon);
let timer: ReturnType<typeof setTimeout> | undefined;
let walked = 0;
let asked = Number.NEGATIVE_INFINITY;

function soon() {
  timer ??= setTimeout(scan, REST);
}

function scan() {
  timer = undefined;
  if (globalThis.codefob) return stop();
  const now = performance.now();
  if (now - walked > WALK) {
    walked = now;
    for (const root of [document, ...known]) for (const shadow of shadowsIn(root)) enter(shadow);
  }
  search();
}

function search() {
  if ([document, ...known].some(hopeful)) load();
}

function hopeful(root: Document | ShadowRoot): boolean {
  const inputs = root.querySelectorAll("input");
  if (inputs.length === 0) return false;
  const labels = root.querySelectorAll("label");
  return [...inputs].some(hints) || [...labels].some((label) => HINT.test(label.textContent ?? ""));
}

function hints(input: HTMLInputElement): boolean {
  return input.type !== "hidden" && HINT.test(input.outerHTML);
}

function enter(shadow: ShadowRoot) {
  if (known.has(shadow)) return;
  known.add(shadow);
  observer.observe(shadow, { childList: true, subtree: true });
  soon();
}

function focused(event: Event) {
  const target = event.composedPath()[0];
  const root = target instanceof HTMLInputElement && target.getRootNode();
  if (root instanceof ShadowRoot) enter(root);
  else if (root) soon();
}

function load() {
  const now = performance.now();
  if (now - asked < AGAIN) return;
  asked = now;
  if (!chrome.runtime?.id) return stop(); // the extension was updated or removed
  chrome.runtime.sendMessage(LOAD).catch(() => undefined);
}

function stop() {
  clearTimeout(timer);
  observer.disconnect();
  document.removeEventListener("focusin", focused, true);
}

function start() {
  observer.observe(document, { childList: true, subtree: true });
  document.addEventListener("focusin", focused, true);
  search();
}

// A document without an origin of its own (sandboxed, data:) never gets a code.
if (self.origin !== "null") {
  if ("prerendering" in document && document.prerendering)
    document.addEventListener("prerenderingchange", start, { once: true });
  else start();
}
