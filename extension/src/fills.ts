import type { Answer } from "./answer.ts";
import type { Outcome, Problem } from "./messages.ts";
import type { Host } from "./native.ts";
import type { Filling } from "./offer.ts";
import type { Page, Pages } from "./pages.ts";
import type { Context } from "./protocol.ts";

/** How a confirmed fill ended. unused is a recovery code that went nowhere, and yet counts as used. */
export type Filled =
  | { readonly ok: true }
  | { readonly ok: false; readonly problem: Problem; readonly hint?: string; readonly unused?: string };

/** One confirmed fill. */
export interface Order {
  readonly page: Page;
  readonly field: number; // of the field that the user saw
  readonly filling: Filling; // what the user saw would go there
  readonly handle: string;
  readonly submit: boolean; // the form is sent once the code is in, as the account is set
  readonly allow: boolean; // the user agreed that the account serves this host from now on
  readonly signal: AbortSignal; // ends it, up to the moment the code leaves
  readonly waits: (until: number) => void; // told when the code is for the next period, in ms since 1970
  readonly asked: () => void; // told that the user said yes in a dialog; from then on signal ends nothing
}

/** Carries confirmed codes to their document. */
export interface Fills {
  fill(order: Order): Promise<Filled>;
  /** A page says that nothing keeps a code out of its field, and how long one may be; 0: as long as you like. */
  ready(page: Page, fill: number, max: number): void;
  /** A page says how a fill ended. */
  heard(page: Page, fill: number, outcome: Outcome): void;
  /** A page went away; thrown: we closed its port. */
  left(page: Page, thrown: boolean): void;
}

/** How long a page has to fill and read back, in ms. */
const PATIENCE = 6000;

export interface Clock {
  now(): number;
  /** Resolves after ms, or at once when the signal says stop. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** What a page answers: how a fill ended, or that it can take one. */
type Said = Filled | { readonly ok: "ready"; readonly max: number };

export function makeFills(host: Host, pages: Pages, clock: Clock): Fills {
  const pending = new Map<number, { page: Page; end: (said: Said) => void }>();
  let last = 0;

  /** Sends a page one request about its field, and resolves with what it says. */
  function ask(page: Page, field: number, put?: { code: string; submit: boolean }): Promise<Said> {
    return new Promise((resolve) => {
      const fill = ++last;
      const timer = setTimeout(() => end({ ok: false, problem: "rejected" }), PATIENCE);
      const end = (said: Said) => {
        clearTimeout(timer);
        pending.delete(fill);
        resolve(said);
      };
      pending.set(fill, { page, end });
      const to = { fill, field, origin: page.origin };
      try {
        page.send(put ? { type: "fill", ...to, ...put } : { type: "check", ...to });
      } catch {
        end({ ok: false, problem: "page_gone" });
      }
    });
  }

  async function fill(order: Order): Promise<Filled> {
    const { page, field, filling, handle, allow, submit } = order;
    let { signal } = order;
    const heed = (asked: boolean) => {
      if (!asked) return;
      signal = new AbortController().signal;
      order.asked();
    };
    const still = async () =>
      !signal.aborted && page.field?.number === field && (await pages.current(page)) && !signal.aborted;
    const gone: Filled = { ok: false, problem: "page_gone" };
    const context = await pages.context(page);
    if (!context) return { ok: false, problem: pages.has(page) ? "page_unknown" : "page_gone" };
    if (!(await still())) return gone;
    if (allow) {
      const allowed = await host.call("site.allow", { handle, context });
      if (!allowed.ok) return failed(allowed);
      if (!(await still())) return gone;
    }
    const nonce = crypto.randomUUID();
    if (filling === "recovery") {
      // A recovery code counts as used once it is out: first see that it will go in.
      const said = await ask(page, field);
      if (said.ok !== "ready") return said.ok ? gone : said;
      if (!same(context, await pages.context(page)) || !(await still())) return gone;
      const answer = await host.call("recovery.next", { handle, context, nonce, max: said.max });
      if (!answer.ok) return failed(answer);
      const { code, asked } = answer.result;
      heed(asked);
      const kept = same(context, await pages.context(page)) && (await still());
      const filled = kept ? await put(page, field, { code, submit }) : gone;
      return filled.ok ? filled : { ...filled, unused: code };
    }
    const answer = await host.call("code.release", { handle, context, nonce, purpose: "fill" });
    if (!answer.ok) return failed(answer);
    const { code, validFrom, asked } = answer.result;
    heed(asked);
    const ahead = validFrom - clock.now();
    if (ahead > 0) {
      order.waits(validFrom);
      await clock.sleep(ahead, signal);
    }
    if (!same(context, await pages.context(page)) || !(await still())) return gone;
    return put(page, field, { code, submit });
  }

  async function put(page: Page, field: number, what: { code: string; submit: boolean }): Promise<Filled> {
    const said = await ask(page, field, what);
    return said.ok === "ready" ? { ok: false, problem: "rejected" } : said;
  }

  function answer(page: Page, number: number, said: Said) {
    const waiting = pending.get(number);
    if (waiting?.page === page) waiting.end(said);
  }

  return {
    fill,
    ready: (page, number, max) => answer(page, number, { ok: "ready", max }),
    heard: (page, number, outcome) =>
      answer(page, number, outcome.ok ? { ok: true } : { ok: false, problem: outcome.why }),
    left(page, thrown) {
      // The code was on its way and the page has moved on: it sent its form by itself. One that was thrown out can't say.
      const filled: Filled = thrown ? { ok: false, problem: "rejected" } : { ok: true };
      for (const waiting of pending.values()) if (waiting.page === page) waiting.end(filled);
    },
  };
}

function failed(answer: Extract<Answer<unknown>, { ok: false }>): Filled {
  const { problem, hint } = answer;
  return { ok: false, problem, ...(hint !== undefined && { hint }) };
}

function same(a: Context, b: Context | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
