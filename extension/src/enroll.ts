import type { Answer } from "./answer.ts";
import type { Enrolled, PageProblem, Sheet } from "./messages.ts";
import type { Host } from "./native.ts";
import type { Page, Pages } from "./pages.ts";
import type { Part } from "./pictures.ts";
import { type Account, MAX_RECOVERY, type OffersResult } from "./protocol.ts";

// Enrollment from a page: what was read for a tab, and how far the confirming of
// a new account has come there. All of it is kept in memory alone.

/** What was read, or what stood in its way. */
export type Read = Answer<OffersResult> | { readonly ok: false; readonly problem: PageProblem; readonly hint?: string };

/** As much of the browser as enrollment asks. */
export interface Screen {
  /** The picture of a tab that the user looks at, or of a part of it, as base64; undefined where there is none. */
  capture(tab: number, part?: Part): Promise<string | undefined>;
  /** Has the user mark a part of a page; undefined when they did not. */
  select(tab: number): Promise<unknown>;
  /** The recovery codes that the user selected in a document, and those that it lists by itself. */
  sheet(page: Page): Promise<unknown>;
  /** The origin that a frame of a tab shows, once it has loaded; undefined while it loads. */
  shows(tab: number, frame: number): Promise<string | undefined>;
  /** What is known of a tab has changed. */
  mark(tab: number): void;
  now(): number;
  /** Does it after ms; gives what takes it back. */
  later(ms: number, act: () => void): () => void;
}

/** Reads for a tab. What a locked vault stood in the way of is kept for take, which reads it again. */
export interface Enroll {
  /** Reads the QR codes that the page shows. */
  fromPage(tab: number): Promise<Read>;
  fromPicture(tab: number, picture: string): Promise<Read>;
  /** Reads a setup key or an otpauth address. */
  fromText(tab: number, text: string): Promise<Read>;
  /** Has the user mark a part of the page and reads it; the popup is to be opened then. False when they marked none. */
  fromPart(tab: number): Promise<boolean>;
  /** Keeps for the next popup over a tab what was read for it. */
  offered(tab: number, read: Read): void;
  /** Gives that once, when the vault is open. */
  take(tab: number): Promise<Read | undefined>;
  /** A code of an account went into the field of a page that confirms a new one. */
  filled(page: Page, field: number, account: Account): void;
  /** A page told of its field, or went away. */
  heard(page: Page): void;
  /** What became of the last such code in a tab. */
  enrolled(tab: number, page: Page): Enrolled | undefined;
  /** Whether the popup over a tab has something to tell. */
  tells(tab: number): boolean;
  /** The user is done with it, or the tab is gone. */
  forget(tab: number): void;
  /** The recovery codes on a page. */
  sheet(page: Page): Promise<readonly string[]>;
}

/** After its last change a page has so long, in ms, to show the field again. */
const SETTLE = 2000;
/** What was read is good for so long in the host, in ms; what a locked vault kept from being read is kept no longer. */
const OFFERED_FOR = 10 * 60_000;
/** For this long, in ms, a page is watched for what becomes of a code. */
const WATCH_FOR = 15 * 60_000;
/** The longest recovery code, in UTF-16 units. */
const MAX_CODE = 64;

interface Watched {
  readonly page: Page;
  readonly field: number;
  readonly account: Account;
  readonly at: number;
  accepted?: boolean;
  since?: number | undefined; // when it began to wait for the page to come to rest
  stop?: () => void;
}

export function makeEnroll(host: Host, pages: Pages, screen: Screen): Enroll {
  const reads = new Map<number, { again: () => Promise<Read>; stop: () => void }>(); // tab → for the popup
  const watched = new Map<number, Watched>(); // tab → the last code

  async function read(tab: number, reading: () => Promise<Read>): Promise<Read> {
    const found = await reading();
    if (isLocked(found)) keep(tab, reading);
    else drop(tab);
    return found;
  }

  async function inPicture(picture: string | undefined): Promise<Read> {
    return picture === undefined ? { ok: false, problem: "no_picture" } : host.call("qr.read", { picture });
  }

  function keep(tab: number, again: () => Promise<Read>): void {
    drop(tab);
    const stop = screen.later(OFFERED_FOR, () => drop(tab));
    reads.set(tab, { again, stop });
    screen.mark(tab);
  }

  function drop(tab: number): void {
    reads.get(tab)?.stop();
    if (reads.delete(tab)) screen.mark(tab);
  }

  function offered(tab: number, found: Read): void {
    if (!isLocked(found)) keep(tab, async () => found);
  }

  /** Waits for the page to come to rest; one that never does, or whose focus the user moves about, is looked at all the same. */
  function wait(tab: number, one: Watched): void {
    one.stop?.();
    one.since ??= screen.now();
    const left = one.since + 2 * SETTLE - screen.now();
    one.stop = screen.later(Math.min(SETTLE, Math.max(0, left)), () => {
      one.since = undefined;
      void settle(tab, one);
    });
  }

  /** Says what became of a code, once the page has come to rest. */
  async function settle(tab: number, one: Watched): Promise<void> {
    const { page, field } = one;
    if (screen.now() - one.at > WATCH_FOR) return forget(tab);
    const origin = await screen.shows(tab, page.frame);
    if (origin === undefined) return wait(tab, one);
    await pages.survey(tab);
    const fields = (await pages.shown(tab)).filter((each) => each.origin === page.origin && each.field);
    if (watched.get(tab) !== one) return;
    const same = fields.some((each) => each === page && each.field?.number === field);
    if (same) return; // nothing was sent yet
    const again = fields.some((each) => each.field?.kind === "enroll");
    // What another site shows says nothing.
    if (!again && origin !== page.origin) return forget(tab);
    one.accepted = !again;
    screen.mark(tab);
  }

  function forget(tab: number): void {
    watched.get(tab)?.stop?.();
    drop(tab);
    if (watched.delete(tab)) screen.mark(tab);
  }

  return {
    fromPage: (tab) => read(tab, async () => inPicture(await screen.capture(tab))),
    fromPicture: (tab, picture) => read(tab, () => inPicture(picture)),
    fromText: (tab, text) => read(tab, () => host.call("uri.read", { text })),
    async fromPart(tab) {
      const part = partOf(await screen.select(tab));
      if (!part) return false;
      offered(tab, await read(tab, async () => inPicture(await screen.capture(tab, part))));
      return true;
    },
    offered,
    async take(tab) {
      const kept = reads.get(tab);
      drop(tab);
      return kept && read(tab, kept.again);
    },
    filled(page, field, account) {
      watched.get(page.tab)?.stop?.();
      const one: Watched = { page, field, account, at: screen.now() };
      watched.set(page.tab, one);
      // It may have sent its form by itself, and be gone by now.
      if (!pages.has(page) || page.field?.number !== field) wait(page.tab, one);
    },
    heard(page) {
      const one = watched.get(page.tab);
      if (one?.page.origin === page.origin && one.accepted !== true) wait(page.tab, one);
    },
    enrolled(tab, page) {
      const one = watched.get(tab);
      if (one?.accepted === undefined || one.page.origin !== page.origin) return undefined;
      return { account: one.account, accepted: one.accepted };
    },
    tells: (tab) => reads.has(tab) || watched.get(tab)?.accepted === true,
    forget,
    async sheet(page) {
      return codesOf(await screen.sheet(page));
    },
  };
}

/** Whether the vault has to be opened first. */
export function isLocked(read: Read): boolean {
  return !read.ok && read.problem === "vault_locked";
}

/** What the script that marks a part gave, if it is of the form. */
export function partOf(found: unknown): Part | undefined {
  const part = found as Partial<Record<keyof Part, unknown>> | null | undefined;
  const { x, y, width, height, dpr } = part ?? {};
  if (![x, y, width, height, dpr].every(Number.isFinite)) return undefined;
  const sound = part as Part;
  return sound.width >= 8 && sound.height >= 8 && sound.dpr > 0 && sound.dpr <= 16 ? sound : undefined;
}

/** What the user selected, else what the page lists; each once, and nothing that is no code. */
export function codesOf(found: unknown): readonly string[] {
  const { selected, listed } = (found ?? {}) as { selected?: unknown; listed?: unknown };
  const sound = (list: unknown) =>
    (Array.isArray(list) ? list : []).filter(
      (each): each is string => typeof each === "string" && each.length <= MAX_CODE && /^[!-~][ -~]*$/.test(each),
    );
  const chosen = sound(selected);
  return [...new Set(chosen.length > 0 ? chosen : sound(listed))].slice(0, MAX_RECOVERY);
}

/** What the popup may know of recovery codes: how many, and how the first and the last begin. */
export function masked(codes: readonly string[]): Sheet {
  const hide = (code = "") => code.slice(0, 2) + code.slice(2, 24).replace(/[A-Za-z0-9]/g, "•");
  return { count: codes.length, first: hide(codes[0]), last: hide(codes.at(-1)) };
}
