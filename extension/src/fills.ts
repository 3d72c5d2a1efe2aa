import type { Outcome, Problem } from "./messages.ts";
import type { Answer, Host } from "./native.ts";
import type { Page, Pages } from "./pages.ts";
import type { Context } from "./protocol.ts";

/** How a confirmed fill ended. */
export type Filled = { readonly ok: true } | { readonly ok: false; readonly problem: Problem; readonly hint?: string };

/** One confirmed fill. */
export interface Order {
  readonly page: Page;
  readonly field: number; // of the field that the user saw
  readonly handle: string;
  readonly allow: boolean; // the user agreed that the account serves this host from now on
  readonly recovery?: boolean; // a recovery code of the account instead of a one-time code
  readonly signal: AbortSignal; // ends it, up to the moment the code leaves
  readonly waits: (until: number) => void; // told when the code is for the next period, in ms since 1970
}

/** Carries confirmed codes to their document. */
export interface Fills {
  fill(order: Order): Promise<Filled>;
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

export function makeFills(host: Host, pages: Pages, clock: Clock): Fills {
  const pending = new Map<number, { page: Page; end: (filled: Filled) => void }>();
  let last = 0;

  async function fill({ page, field, handle, allow, recovery, signal, waits }: Order): Promise<Filled> {
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
    const answer = recovery
      ? await host.call("recovery.next", { handle, context, nonce })
      : await host.call("code.release", { handle, context, nonce, purpose: "fill" });
    if (!answer.ok) return failed(answer);
    const { code, validFrom } = { validFrom: 0, ...answer.result };
    const ahead = validFrom - clock.now();
    if (ahead > 0) {
      waits(validFrom);
      await clock.sleep(ahead, signal);
    }
    if (!same(context, await pages.context(page)) || !(await still())) return gone;
    return new Promise((resolve) => {
      const number = ++last;
      const timer = setTimeout(() => end({ ok: false, problem: "rejected" }), PATIENCE);
      const end = (filled: Filled) => {
        clearTimeout(timer);
        pending.delete(number);
        resolve(filled);
      };
      pending.set(number, { page, end });
      try {
        page.send({ type: "fill", fill: number, field, origin: page.origin, code });
      } catch {
        end(gone);
      }
    });
  }

  return {
    fill,
    heard(page, number, outcome) {
      const waiting = pending.get(number);
      if (waiting?.page === page) waiting.end(outcome.ok ? { ok: true } : { ok: false, problem: outcome.why });
    },
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
