import type { Answer } from "./answer.ts";
import type { FromOptions, ToOptions } from "./messages.ts";
import { isLink } from "./native.ts";
import type { Account, Detail, EditParams } from "./protocol.ts";

// What the options page shows of the accounts, as a pure function of what
// happened. editor.ts draws it.

/** What stood in the way of one request. */
export type Trouble = Omit<Extract<Answer<unknown>, { ok: false }>, "ok">;

/** What can be changed of an account; each is kept as soon as it is changed. */
export type Change = "names" | "site" | "append" | "submit" | "ask" | "remove";

/** What can be on or off. */
export type Flag = "append" | "submit" | "ask";

/** The account that is opened, and what was typed for it. */
export interface Open {
  readonly handle: string;
  readonly issuer: string;
  readonly account: string;
  readonly site: string;
  readonly busy?: { readonly ask: number; readonly change: Change; readonly dialog: boolean }; // dialog: of the system's, for the user to answer
  readonly saved?: Change;
  readonly trouble?: Trouble & { readonly change: Change };
}

/** An account that was removed, and can be brought back from here. */
export interface Gone {
  readonly handle: string;
  readonly account: Account;
  readonly at: number; // its place in the list
  readonly ask?: number; // of its return
  readonly trouble?: Trouble;
}

export interface Model {
  readonly asked: number; // the number of the last request
  readonly listing?: { readonly ask: number; readonly offset: number }; // the part of the list that is awaited
  readonly unlocking: boolean;
  readonly query: string;
  readonly accounts?: readonly Detail[]; // in the vault's order, as far as they were asked for
  readonly total: number; // that fit the query
  readonly open?: Open;
  readonly gone: readonly Gone[];
  readonly closed?: Trouble; // why nothing can be shown
  readonly restarted: boolean; // the host is another one, and knows none of the handles
}

/** What happens: an answer of the background, or the user. */
export type Event =
  | ToOptions
  | { readonly type: "start" } // also to try again
  | { readonly type: "query"; readonly query: string }
  | { readonly type: "more" }
  | { readonly type: "toggle"; readonly handle: string }
  | { readonly type: "show"; readonly account: Account }
  | { readonly type: "draft"; readonly field: "issuer" | "account" | "site"; readonly value: string }
  | { readonly type: "rename" }
  | { readonly type: "add site" }
  | { readonly type: "drop site"; readonly site: string }
  | { readonly type: "set"; readonly flag: Flag; readonly on: boolean }
  | { readonly type: "take away" }
  | { readonly type: "undo"; readonly handle: string }
  | { readonly type: "dismiss"; readonly handle: string }
  | { readonly type: "ask unlock" };

/** What follows: the new model, what the background is asked, and what takes the focus, as editor.ts names it. */
export interface Next {
  readonly model: Model;
  readonly send?: FromOptions;
  readonly focus?: string;
}

export const START: Model = { asked: 0, unlocking: false, query: "", total: 0, gone: [], restarted: false };

export function update(model: Model, event: Event): Next {
  const { open } = model;
  switch (event.type) {
    case "start":
      return list(model);
    case "query":
      return event.query === model.query ? { model } : list({ ...without(model, "open"), query: event.query });
    case "more":
      if (model.listing !== undefined || !model.accounts || model.accounts.length >= model.total) return { model };
      return list(model, model.accounts.length);
    case "toggle": {
      if (open?.busy) return { model };
      const found = detailOf(model, event.handle);
      if (!found || open?.handle === event.handle) return { model: without(model, "open") };
      return { model: { ...model, restarted: false, open: opened(found.account) } };
    }
    case "show": {
      if (open?.busy) return { model };
      const { account } = event;
      const query = `${account.issuer} ${account.account}`.trim().slice(0, 80);
      return list({ ...model, query, open: opened(account) });
    }
    case "draft":
      return { model: open ? { ...model, open: { ...open, [event.field]: event.value } } : model };
    case "rename": {
      const names = { issuer: open?.issuer.trim() ?? "", account: open?.account.trim() ?? "" };
      const now = open && detailOf(model, open.handle)?.account;
      if (now && now.issuer === names.issuer && now.account === names.account) return { model };
      return edit(model, "names", names);
    }
    case "add site": {
      const site = open?.site.trim();
      const sites = open && detailOf(model, open.handle)?.sites;
      return site && sites ? edit(model, "site", { sites: [...sites, site] }) : { model };
    }
    case "drop site": {
      const sites = open && detailOf(model, open.handle)?.sites;
      return sites ? edit(model, "site", { sites: sites.filter((each) => each !== event.site) }) : { model };
    }
    case "set":
      return edit(model, event.flag, { [event.flag]: event.on });
    case "take away": {
      if (!open || open.busy) return { model };
      const ask = model.asked + 1;
      return {
        model: { ...model, asked: ask, open: busy(open, ask, "remove", false) },
        send: { type: "remove", ask, handle: open.handle },
      };
    }
    case "undo": {
      const ask = model.asked + 1;
      const gone = model.gone.map((each) =>
        each.handle === event.handle ? { ...without(each, "trouble"), ask } : each,
      );
      return { model: { ...model, asked: ask, gone }, send: { type: "restore", ask, handle: event.handle } };
    }
    case "dismiss":
      return { model: { ...model, gone: model.gone.filter(({ handle }) => handle !== event.handle) }, focus: "search" };
    case "ask unlock": {
      if (model.unlocking) return { model };
      const ask = model.asked + 1;
      return { model: { ...model, asked: ask, unlocking: true }, send: { type: "unlock", ask } };
    }
    default:
      return answered(model, event);
  }
}

/** An answer of the background. */
function answered(model: Model, event: ToOptions): Next {
  const { open } = model;
  if (event.type === "pin") return list(model);
  const { answer } = event;
  if (event.type === "unlock") {
    const next = { ...model, unlocking: false };
    return event.answer.ok ? list(next) : { model: { ...next, closed: trouble(event.answer) } };
  }
  if (event.type === "list") {
    if (event.ask !== model.listing?.ask) return { model };
    const next = without(model, "listing", "closed");
    if (!event.answer.ok) return { model: { ...next, closed: trouble(event.answer) } };
    const { accounts, total } = event.answer.result;
    const before = model.listing.offset === 0 ? [] : (model.accounts ?? []);
    const known = new Set(before.map((each) => each.account.handle)); // the vault may have changed meanwhile
    const more = accounts.filter((each) => !known.has(each.account.handle));
    return { model: { ...next, accounts: [...before, ...more], total } };
  }
  // What shuts the vault, or the way to it, shuts everything.
  if (!answer.ok && (isLink(answer.problem) || answer.problem.startsWith("vault_")))
    if (answer.problem !== "vault_storage") return { model: { ...shut(model), closed: trouble(answer) } };
  switch (event.type) {
    case "edit": {
      if (!open?.busy || open.busy.ask !== event.ask) return { model };
      const { change } = open.busy;
      if (!event.answer.ok) return failed(model, open, change, event.answer);
      const detail = event.answer.result;
      const { issuer, account } = change === "names" ? detail.account : open;
      const site = change === "site" && detail.sites.length >= (detailOf(model, open.handle)?.sites.length ?? 0);
      const next = { ...without(open, "busy", "trouble"), issuer, account, saved: change, ...(site && { site: "" }) };
      return { model: { ...replaced(model, open.handle, detail), open: { ...next, handle: detail.account.handle } } };
    }
    case "remove": {
      if (!open?.busy || open.busy.ask !== event.ask) return { model };
      if (!event.answer.ok) return failed(model, open, "remove", event.answer);
      const accounts = model.accounts ?? [];
      const at = accounts.findIndex((each) => each.account.handle === open.handle);
      const account = accounts[at]?.account;
      if (!account) return { model: without(model, "open") };
      const { handle } = event.answer.result;
      return {
        model: {
          ...without(model, "open"),
          accounts: accounts.toSpliced(at, 1),
          total: model.total - 1,
          gone: [...model.gone, { handle, account, at }],
        },
        focus: `undo ${handle}`,
      };
    }
    case "restore": {
      const back = model.gone.find(({ ask }) => ask === event.ask);
      if (!back) return { model };
      if (!event.answer.ok) {
        const still = { ...without(back, "ask"), trouble: trouble(event.answer) };
        return { model: { ...model, gone: model.gone.map((each) => (each === back ? still : each)) } };
      }
      const detail = event.answer.result;
      return {
        model: {
          ...model,
          accounts: (model.accounts ?? []).toSpliced(back.at, 0, detail),
          total: model.total + 1,
          gone: model.gone.filter((each) => each !== back),
        },
        focus: `row ${detail.account.handle}`,
      };
    }
    case "enroll":
      return event.answer.ok ? list(without(model, "open")) : { model };
    case "services":
    case "log":
    case "devices":
    case "picture":
    case "text":
      return { model };
    default:
      return event satisfies never;
  }
}

/** Asks for the accounts from a place of the list on; what was listed stays until they are there. */
function list(model: Model, offset = 0): Next {
  const ask = model.asked + 1;
  return {
    model: { ...model, asked: ask, listing: { ask, offset } },
    send: { type: "list", ask, query: model.query, offset },
  };
}

/** Asks the host to change the opened account: one change at a time. */
function edit(model: Model, change: Change, what: Partial<EditParams>): Next {
  const { open } = model;
  const detail = open && detailOf(model, open.handle);
  if (!open || open.busy || !detail) return { model };
  const { handle, issuer, account, append, submit, ask: always } = detail.account;
  const ask = model.asked + 1;
  const edit = { handle, issuer, account, sites: detail.sites, append, submit, ask: always, ...what };
  const dialog = always && !edit.ask;
  return {
    model: { ...model, asked: ask, open: busy(open, ask, change, dialog) },
    send: { type: "edit", ask, edit },
  };
}

function busy(open: Open, ask: number, change: Change, dialog: boolean): Open {
  return { ...without(open, "saved", "trouble"), busy: { ask, change, dialog } };
}

function failed(model: Model, open: Open, change: Change, answer: Extract<Answer<unknown>, { ok: false }>): Next {
  if (answer.problem === "unknown_handle") return list({ ...without(model, "open"), restarted: true });
  return { model: { ...model, open: { ...without(open, "busy"), trouble: { ...trouble(answer), change } } } };
}

/** Without what waits for an answer that will not come. */
function shut(model: Model): Model {
  const { open } = model;
  const gone = model.gone.map((each) => without(each, "ask"));
  return { ...without(model, "listing", "open"), gone, ...(open && { open: without(open, "busy") }) };
}

function opened({ handle, issuer, account }: Account): Open {
  return { handle, issuer, account, site: "" };
}

function detailOf(model: Model, handle: string): Detail | undefined {
  return model.accounts?.find(({ account }) => account.handle === handle);
}

function replaced(model: Model, handle: string, detail: Detail): Model {
  const accounts = model.accounts?.map((each) => (each.account.handle === handle ? detail : each));
  return { ...model, ...(accounts && { accounts }) };
}

export function trouble({ problem, hint, message, stranger }: Trouble): Trouble {
  return {
    problem,
    ...(hint !== undefined && { hint }),
    ...(message !== undefined && { message }),
    ...(stranger && { stranger }),
  };
}

/** The same without some of it. */
function without<T extends object, K extends keyof T>(of: T, ...names: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(of).filter(([name]) => !names.includes(name as K))) as Omit<T, K>;
}
