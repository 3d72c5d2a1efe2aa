import type { Answer } from "./answer.ts";
import { type Enroll, masked, type Read } from "./enroll.ts";
import type { Fills } from "./fills.ts";
import { takesCode } from "./kind.ts";
import { type FromPopup, fromPopup, type Problem, type State, type ToPopup } from "./messages.ts";
import type { Host } from "./native.ts";
import { type Filling, fillingOf, has } from "./offer.ts";
import type { Page, Pages } from "./pages.ts";
import { type Account, type Context, MAX_ACCOUNTS, type MatchResult, type OffersResult } from "./protocol.ts";
import type { Seen, Teacher } from "./teacher.ts";
import type { Visits } from "./visits.ts";

/** What a popup tells that did not ask for it. */
export type Told = Extract<ToPopup, { type: "failed" | "code" }>;
type Trouble = Extract<State, { is: "problem" }>;

/** A page, where a code for it would go, and the accounts that may serve it. */
export interface Matched {
  readonly page: Page;
  readonly context: Context;
  readonly result: MatchResult;
}

/** In this time, in ms, the focus is back from a dialog that was answered. */
const FOCUS_WITHIN = 1000;

/** What a popup needs of the background. */
export interface Desk {
  readonly host: Host;
  readonly pages: Pages;
  readonly fills: Fills;
  readonly teacher: Teacher;
  readonly enroll: Enroll;
  readonly visits: Visits;
  now(): number;
  /** Resolves after ms, or at once when the signal says stop. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** The page of a tab to serve, with its accounts; or what is in the way; nothing where there is no page. */
  matched(tab: number): Promise<Matched | Trouble | undefined>;
  /** The state where no page is known. */
  bare(tab: number): Promise<State>;
  /** Whether a popup over this tab could have been opened by a page; asked once for each popup. */
  wasCaused(tab: number): Promise<boolean>;
  /** What this popup has to tell that came before it. */
  toldIn(tab: number): Promise<Told | undefined>;
  /** Opens another popup over a tab to tell something; of a page, only over that page. */
  tell(tab: number, what: Told, page?: Page): Promise<void>;
  /** Has the user mark a part of the page, or choose a file; both outside of the popup. */
  outside(tab: number, from: "part" | "file"): Promise<void>;
  /** Opens the popup over a tab that the user looks at, for what is to be told there. */
  reopen(tab: number): Promise<void>;
  /** The vault is open now, or the user at least tried. */
  unlocked(ok: boolean): Promise<void>;
  /** The user trusts the host with this key, if it is the one that they saw. */
  pin(key: string): Promise<void>;
  /** What is known of a page's site has changed. */
  consider(page: Page): Promise<void>;
  /** The user has copied a code. */
  copied(code: string): Promise<void>;
}

/** A page to fill, as one state of the popup has it. */
interface Target {
  readonly page: Page;
  readonly field: number | undefined;
  readonly filling: Filling | undefined; // what the popup says would go there
  readonly context: Context;
}

/** Serves one popup, from its opening to its end. */
export function serve(port: chrome.runtime.Port, desk: Desk): void {
  const { host, pages, fills, teacher, enroll, visits } = desk;
  const abort = new AbortController();
  let tab = -1;
  let pageCaused = false;
  let target: Target | undefined; // of the state that the popup has
  let seen: readonly Seen[] = []; // of its last "why"
  const accounts = new Map<string, Account>(); // that the popup has shown, by handle
  let tickets = new Set<string>(); // that the popup has shown
  let sheet: { handle: string; codes: readonly string[] } | undefined; // recovery codes that the user may save
  let last = desk.now(); // number of a state; by the clock, as the popup may outlive the background
  const send = (message: ToPopup) => {
    if (!abort.signal.aborted) port.postMessage(message);
  };
  const fail = (answer: Extract<Answer<unknown>, { ok: false }>) =>
    send({ type: "failed", ...without(problem(answer)) });

  async function show(again?: Problem): Promise<void> {
    const number = ++last;
    const next = await look();
    if (number !== last) return; // a later one is on its way
    target = next.target;
    if (next.state.is === "page") {
      const { accounts: shown, enrolled } = next.state;
      remember(enrolled ? [...shown, enrolled.account] : shown);
    }
    send({ type: "state", number, state: next.state, pageCaused, ...(again && { again }) });
    if (next.state.is === "page" || next.state.is === "closed") void foul();
  }

  /** Tells of foul play. Nothing waits for it. */
  async function foul(): Promise<void> {
    const answer = await host.call("sync.status", undefined);
    if (answer.ok && answer.result.troubles.some((each) => each.foul)) send({ type: "foul" });
  }

  function remember(shown: readonly Account[]): void {
    for (const each of shown) accounts.set(each.handle, each);
  }

  async function look(): Promise<{ state: State; target?: Target }> {
    const found = await desk.matched(tab);
    if (!found) return { state: await desk.bare(tab) };
    if (!("page" in found)) return { state: found.problem === "vault_locked" ? { is: "locked" } : found };
    const { page, context, result } = found;
    const { kind, mask, append } = { kind: "none" as const, ...page.field };
    const facts = takesCode(kind) ? undefined : await host.call("service.facts", { context });
    const enrolled = enroll.enrolled(tab, page);
    if (kind === "otp-sms") void host.call("service.remind", { context, reminder: "seen" });
    return {
      state: {
        is: "page",
        host: result.host,
        kind,
        accounts: result.accounts,
        ...(mask && { mask }),
        ...(append && { append }),
        ...(facts?.ok && { facts: facts.result }),
        ...(enrolled && { enrolled }),
      },
      target: { page, field: page.field?.number, filling: page.field && fillingOf(page.field), context },
    };
  }

  /** Tells what came of a dialog of Codefob: browsers close the popup when the focus goes there, or when it comes back. */
  async function afterDialog(what: Told, account: Account, page?: Page): Promise<void> {
    send(what);
    await desk.sleep(FOCUS_WITHIN, abort.signal);
    if (abort.signal.aborted) await desk.tell(tab, what.type === "code" ? { ...what, account } : what, page);
  }

  async function why(): Promise<void> {
    seen = await teacher.why(tab);
    const fields = seen.flatMap((each, page) =>
      each.fields.map((field) => ({ ...field, page, host: new URL(each.page.origin).host })),
    );
    send({ type: "why", fields });
  }

  async function fillIn({ state, handle, allow }: Extract<FromPopup, { type: "fill" }>): Promise<void> {
    if (target?.field === undefined || state !== last) return send({ type: "failed", problem: "page_gone" });
    const { page, field, filling } = target;
    const account = accounts.get(handle);
    // What goes out is what the user saw, whatever the page says by now.
    if (!filling || !page.field || fillingOf(page.field) !== filling)
      return send({ type: "failed", problem: "changed" });
    if (!account || !has(account, filling)) return send({ type: "failed", problem: "not_allowed" });
    const { submit, ask } = account;
    const enrolls = page.field.kind === "enroll";
    const waits = (until: number) => send({ type: "waiting", until });
    // Where the dialog of Codefob asks, the user decides there, and not by the end of the popup.
    const signal = ask ? new AbortController().signal : abort.signal;
    let dialog = ask; // it also asks where there were too many codes in a short time
    const asked = () => {
      dialog = true;
    };
    const filled = await fills.fill({ handle, allow, submit, filling, page, field, signal, waits, asked });
    if (filled.ok) {
      if (enrolls) enroll.filled(page, field, account);
      return send({ type: "filled" });
    }
    if (filled.problem === "unknown_handle") return show("unknown_handle");
    const { unused } = filled;
    const failed = { type: "failed", ...without(filled), ...(unused !== undefined && { unused }) } as const;
    if (dialog || filled.problem === "declined") return afterDialog(failed, account, page);
    if (abort.signal.aborted && unused !== undefined) return desk.tell(tab, failed, page);
    send(failed);
  }

  function read(found: Read): void {
    if (!found.ok) return send({ type: "failed", ...without(found) });
    offer(found.result);
  }

  /** Tells of what was read for the tab while no popup was there, or waited for the vault. */
  async function tellRead(): Promise<void> {
    const found = target && (await enroll.take(tab));
    if (found) read(found);
  }

  function offer(result: OffersResult): void {
    const { offers } = result;
    if (offers.length === 0) return send({ type: "failed", problem: "not_otp" });
    tickets = new Set(offers.map(({ ticket }) => ticket));
    remember(offers.flatMap(({ have }) => have ?? []));
    send({ type: "offers", ...result });
  }

  /** Where an account would be used, if the page is the one that the user saw. */
  async function place(state: number): Promise<Context | undefined> {
    if (!target || state !== last || !(await pages.current(target.page))) return undefined;
    const context = await pages.context(target.page);
    return JSON.stringify(context) === JSON.stringify(target.context) ? context : undefined;
  }

  async function save({ state, ticket, issuer, account }: Extract<FromPopup, { type: "save" }>): Promise<void> {
    const context = await place(state);
    if (!context || !target) return send({ type: "failed", problem: "page_gone" });
    if (!tickets.has(ticket)) return send({ type: "failed", problem: "unknown_ticket" });
    const answer = await host.call("account.enroll", { ticket, issuer, account, context });
    if (!answer.ok) return fail(answer);
    tickets.delete(ticket);
    remember([answer.result.account]);
    send({ type: "saved", account: answer.result.account });
    return desk.consider(target.page);
  }

  async function received(message: FromPopup): Promise<void> {
    switch (message.type) {
      case "open": {
        tab = message.tab;
        pageCaused = await desk.wasCaused(tab);
        await show();
        const told = await desk.toldIn(tab);
        if (told?.type === "code" && told.account) remember([told.account]);
        if (told) send(told);
        return tellRead();
      }
      case "unlock": {
        const answer = await host.call("vault.unlock", undefined);
        await desk.unlocked(answer.ok);
        if (!answer.ok) return fail(answer);
        // Where the prompt took the focus, the popup is gone.
        if (abort.signal.aborted) return enroll.tells(tab) ? desk.reopen(tab) : undefined;
        await show();
        return tellRead();
      }
      case "pin":
        await desk.pin(message.key);
        return show();
      case "search": {
        const context = target && { context: target.context };
        const answer = await host.call("accounts.search", { query: message.query, limit: MAX_ACCOUNTS, ...context });
        if (!answer.ok) return fail(answer);
        remember(answer.result.accounts);
        return send({ type: "found", query: message.query, ...answer.result });
      }
      case "code": {
        const { handle, purpose } = message;
        const account = accounts.get(handle);
        const answer = await host.call("code.release", { handle, nonce: crypto.randomUUID(), purpose });
        if (!answer.ok && answer.problem === "unknown_handle") return show("unknown_handle");
        const what: Told = answer.ok
          ? { type: "code", handle, purpose, code: answer.result.code, expiresAt: answer.result.expiresAt }
          : { type: "failed", ...without(problem(answer)) };
        const dialog = account?.ask || (answer.ok ? answer.result.asked : answer.problem === "declined");
        return account && dialog ? afterDialog(what, account) : send(what);
      }
      case "copied":
        return desk.copied(message.code);
      case "fill":
        return fillIn(message);
      case "why":
        return why();
      case "enroll":
        if (message.from === "page") return read(await enroll.fromPage(tab));
        send({ type: "away" });
        return desk.outside(tab, message.from);
      case "picture":
        return read(await enroll.fromPicture(tab, message.picture));
      case "text":
        return read(await enroll.fromText(tab, message.text));
      case "save":
        return save(message);
      case "allow": {
        const context = await place(message.state);
        if (!context || !accounts.has(message.handle)) return send({ type: "failed", problem: "page_gone" });
        const answer = await host.call("site.allow", { handle: message.handle, context });
        return answer.ok ? show() : fail(answer);
      }
      case "sheet": {
        const { handle } = message;
        if (!target || !accounts.has(handle) || !(await pages.current(target.page)))
          return send({ type: "failed", problem: "page_gone" });
        sheet = { handle, codes: await enroll.sheet(target.page) };
        return send({ type: "sheet", handle, sheet: masked(sheet.codes) });
      }
      case "keep": {
        const { handle } = message;
        if (sheet?.handle !== handle) return send({ type: "failed", problem: "page_gone" });
        const answer = await host.call("recovery.save", { handle, codes: sheet.codes });
        if (!answer.ok) return fail(answer);
        sheet = undefined;
        enroll.forget(tab);
        return send({ type: "kept", handle, added: answer.result.added, already: answer.result.already });
      }
      case "later":
        return enroll.forget(tab);
      case "teach": {
        const page = seen[message.page]?.page;
        if (!page || !pages.has(page)) return send({ type: "failed", problem: "page_gone" });
        const answer = await teacher.teach(page, message.field, message.as);
        if (!answer.ok) return fail(answer);
        return why();
      }
      case "remind": {
        if (!target) return;
        const { context, page } = target;
        const answer = await host.call("service.remind", { context, reminder: message.reminder });
        if (!answer.ok) return fail(answer);
        await visits.remind(answer.result.hosts).catch(() => undefined);
        return desk.consider(page);
      }
      default:
        message satisfies never;
    }
  }

  port.onMessage.addListener((raw) => {
    const message = fromPopup(raw);
    if (message) void received(message);
  });
  port.onDisconnect.addListener(() => abort.abort());
}

/** What stands in the way, as the popup's state. */
export function problem(from: Problem | Extract<Answer<unknown>, { ok: false }>): Trouble {
  if (typeof from === "string") return { is: "problem", problem: from };
  const { problem, hint, stranger } = from;
  return { is: "problem", problem, ...(hint !== undefined && { hint }), ...(stranger && { stranger }) };
}

/** The same without the rest. */
export function without({ problem, hint }: { problem: Problem; hint?: string }): { problem: Problem; hint?: string } {
  return { problem, ...(hint !== undefined && { hint }) };
}
