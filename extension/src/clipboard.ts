// A code that the user copied does not stay in the clipboard: it is taken out
// after half a minute, and when the vault is locked, if it is there still.

/** How long it stays, in ms. */
const KEPT_FOR = 30_000;
/** How often it is asked whether the vault is open still, in ms. */
const ASK_EVERY = 1000;

interface Deps {
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Whether the vault is open. */
  open(): Promise<boolean>;
  /** Empties the clipboard if this is what it holds. */
  clear(text: string): Promise<void>;
}

/** Gives the function to call when the user has copied a code. */
export function makeCopied({ now, sleep, open, clear }: Deps): (code: string) => Promise<void> {
  let last = 0;
  return async (code) => {
    const mine = ++last;
    const end = now() + KEPT_FOR;
    while (now() < end && mine === last && (await open())) await sleep(Math.min(ASK_EVERY, end - now()));
    if (mine === last) await clear(code);
  };
}

/** Empties the clipboard if this is what it holds. Only a document can do so: Chromium has none behind its background, and makes one. */
export async function clear(text: string): Promise<void> {
  if (typeof document !== "undefined") return clearFrom(document, text);
  const justification = "A copied code is taken out of the clipboard again.";
  await chrome.offscreen.createDocument({ url: "clear.html", reasons: ["CLIPBOARD"], justification });
  await chrome.runtime.sendMessage({ clear: text }).finally(() => chrome.offscreen.closeDocument());
}

/** The same by a document, which nobody sees. */
export function clearFrom(document: Document, text: string): void {
  const area = document.createElement("textarea");
  document.body.append(area);
  area.focus();
  document.execCommand("paste");
  const same = area.value === text;
  area.remove();
  if (!same) return;
  const empty = (event: ClipboardEvent) => {
    event.preventDefault();
    event.clipboardData?.setData("text/plain", "");
  };
  document.addEventListener("copy", empty, { once: true });
  document.execCommand("copy");
}
