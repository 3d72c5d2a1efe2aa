import { type FieldSummary, type FromPage, fromPage, PAGE_PORT, type ToPage } from "./messages.ts";
import type { Context } from "./protocol.ts";

/** One document with our content script in it, as the browser describes it. Its port is its identity. */
export interface Page {
  readonly tab: number;
  readonly frame: number; // 0 is the top frame
  readonly document: string; // the browser's id of it
  readonly origin: string; // never "null"
  readonly private: boolean;
  field?: FieldSummary;
  taught: boolean; // whether it was told what the user taught of its site
  focused: number; // when the user was last in its field, by order; 0: never
  readonly send: (message: ToPage) => void;
}

/** A frame as the browser's navigation record has it. */
export interface Frame {
  readonly frameId: number;
  readonly parentFrameId: number; // -1 for the top frame
  readonly documentId?: string;
  readonly documentLifecycle?: string;
}

type Sender = chrome.runtime.MessageSender;

/**
 * Describes the document behind a port by the browser's sender record alone;
 * undefined where no code may ever go: no tab, no name, an opaque origin, not yet shown.
 */
export function pageOf(sender: Sender | undefined, send: Page["send"]): Page | undefined {
  const { tab, frameId, origin, documentId, documentLifecycle } = sender ?? {};
  if (tab?.id === undefined || frameId === undefined || !documentId || !origin || origin === "null") return undefined;
  if (documentLifecycle !== undefined && documentLifecycle !== "active") return undefined;
  return {
    tab: tab.id,
    frame: frameId,
    document: documentId,
    origin,
    private: tab.incognito,
    taught: false,
    focused: 0,
    send,
  };
}

/** Whether a frame, as the browser has it now, still shows this page's document. */
export function shows(frame: Frame | undefined, page: Page): boolean {
  if (frame?.frameId !== page.frame) return false;
  if (frame.documentLifecycle !== undefined && frame.documentLifecycle !== "active") return false;
  return frame.documentId === page.document;
}

/** The frames from a page's parent up to the top; undefined when the record is broken or of another document. */
export function above(page: Page, frames: readonly Frame[]): readonly Frame[] | undefined {
  const byId = new Map(frames.map((frame) => [frame.frameId, frame]));
  let at = byId.get(page.frame);
  if (!at || !shows(at, page)) return undefined;
  const chain: Frame[] = [];
  while (at.parentFrameId !== -1) {
    at = byId.get(at.parentFrameId);
    if (!at || chain.length > 16) return undefined;
    chain.push(at);
  }
  return at.frameId === 0 ? chain : undefined;
}

/**
 * Says where a code for a page would go. Each ancestor's origin comes from the
 * sender record of a port of that very document; undefined when one has none.
 */
export function contextOf(page: Page, chain: readonly Frame[], pages: Iterable<Page>): Context | undefined {
  const all = [...pages];
  const ancestors: string[] = [];
  for (const frame of chain) {
    const found = all.find((other) => other.tab === page.tab && shows(frame, other));
    if (!found) return undefined;
    ancestors.push(found.origin);
  }
  return {
    origin: page.origin,
    ...(ancestors.length > 0 && { ancestors }),
    tab: page.tab,
    frame: page.frame,
    document: page.document,
    ...(page.private && { private: true }),
  };
}

/** As much of the browser as the registry of pages asks. */
export interface Frames {
  /** The frames of a tab; none when there is no such tab. */
  all(tab: number): Promise<readonly Frame[]>;
  /** Has the content script in one frame connect and answer with this number; may fail. */
  look(tab: number, frame: number, look: number): Promise<unknown>;
  /** Whether the user looks at this tab. */
  isActive(tab: number): Promise<boolean>;
}

/** All documents that have connected. */
export interface Pages {
  /** Takes a port in, and its messages from then on. */
  accept(port: chrome.runtime.Port): void;
  /** The pages that a tab shows now: a browser may keep those of earlier documents connected. */
  shown(tab: number): Promise<Page[]>;
  has(page: Page): boolean;
  /** Asks one frame who it is; resolves when it has answered, or had the time to. */
  ask(tab: number, frame: number): Promise<void>;
  /** Asks the frames of a tab who they are; resolves when those that can have answered. */
  survey(tab: number): Promise<void>;
  /** Where a code for a page would go, as of now; undefined when that cannot be known for sure. */
  context(page: Page): Promise<Context | undefined>;
  /** Whether a page is still the document of its frame, in the tab that the user looks at. */
  current(page: Page): Promise<boolean>;
}

/** How long a frame has for an answer, in ms. */
const PATIENCE = 400;
/** The most frames of a tab that are asked. */
const MOST_FRAMES = 32;

/** What the registry reports. */
export interface Heard {
  message(page: Page, message: FromPage): void;
  /** A page is gone; thrown: not by itself, we closed its port. */
  left(page: Page, thrown: boolean): void;
  /** Whether a tab may send one more message. */
  allows(tab: number): boolean;
}

/** Makes the registry of pages. */
export function makePages(browser: Frames, heard: Heard): Pages {
  const pages = new Set<Page>();
  const asked = new Map<number, { tab: number; frame: number; answered: () => void }>();
  let order = 0;
  let looks = 0;

  function ask(tab: number, frame: number): Promise<void> {
    return new Promise((resolve) => {
      const look = ++looks;
      const answered = () => {
        clearTimeout(timer);
        asked.delete(look);
        resolve();
      };
      const timer = setTimeout(answered, PATIENCE);
      asked.set(look, { tab, frame, answered });
      browser.look(tab, frame, look).catch(answered);
    });
  }

  async function context(page: Page): Promise<Context | undefined> {
    if (!pages.has(page)) return undefined;
    const frames = await browser.all(page.tab);
    const chain = above(page, frames);
    if (!chain) return undefined;
    const known = contextOf(page, chain, pages);
    if (known) return known;
    await Promise.all(chain.map((frame) => ask(page.tab, frame.frameId)));
    return pages.has(page) ? contextOf(page, chain, pages) : undefined;
  }

  return {
    accept(port) {
      const page = port.name === PAGE_PORT ? pageOf(port.sender, (message) => port.postMessage(message)) : undefined;
      if (!page || !heard.allows(page.tab)) return port.disconnect();
      pages.add(page);
      port.onMessage.addListener((raw) => {
        if (!heard.allows(page.tab)) {
          port.disconnect();
          if (pages.delete(page)) heard.left(page, true);
          return;
        }
        const message = fromPage(raw);
        if (!message || !pages.has(page)) return;
        if (message.type === "field") {
          if (message.field) page.field = message.field;
          else delete page.field;
          if (message.focused) page.focused = ++order;
          const look = message.look === undefined ? undefined : asked.get(message.look);
          if (look?.tab === page.tab && look.frame === page.frame) look.answered();
        } else if (message.type === "open") page.focused = ++order;
        heard.message(page, message);
      });
      port.onDisconnect.addListener(() => {
        if (pages.delete(page)) heard.left(page, false);
      });
    },
    async shown(tab) {
      const frames = await browser.all(tab);
      return [...pages].filter((page) => page.tab === tab && frames.some((frame) => shows(frame, page)));
    },
    has: (page) => pages.has(page),
    ask,
    async survey(tab) {
      const frames = await browser.all(tab);
      await Promise.all(frames.slice(0, MOST_FRAMES).map((frame) => ask(tab, frame.frameId)));
    },
    context,
    async current(page) {
      if (!pages.has(page) || !(await browser.isActive(page.tab))) return false;
      const frame = (await browser.all(page.tab)).find((each) => each.frameId === page.frame);
      return shows(frame, page) && pages.has(page);
    },
  };
}
