import type { Stranger } from "./answer.ts";
import type { FromPopup, Problem, Sheet, Source, State, ToPopup, WhyField, Wish } from "./messages.ts";
import { elsewhere, type Filling, fillingOf, has } from "./offer.ts";
import type { Account, MarkAs, Offer, OffersResult, Parts } from "./protocol.ts";
import { wayOut } from "./wayout.ts";

// What the popup shows, as a pure function of what happened. popup.ts draws it.

/** How long a confirming button stays dead, in ms: where a page could have caused the popup, and where a button takes another's place. */
export const ARM_AFTER = 700;

/** A code on show. */
export interface Shown {
  readonly handle: string;
  readonly code: string;
  readonly expiresAt: number; // ms since 1970; 0 for hotp
  readonly copied: boolean;
}

/** Where the user is in the popup. */
type Step =
  | { readonly at: "list" }
  | { readonly at: "account"; readonly account: Account }
  | { readonly at: "agree"; readonly account: Account }
  | { readonly at: "filling"; readonly account: Account; readonly until?: number }
  | {
      readonly at: "failed";
      readonly problem: Problem;
      readonly hint?: string;
      readonly unused?: string; // a recovery code that went nowhere
      readonly account?: Account;
    }
  | { readonly at: "compare" } // the code of the host
  | { readonly at: "other" } // which is not the user's
  | { readonly at: "why"; readonly fields?: readonly WhyField[] }
  | { readonly at: "done" }
  | { readonly at: "away" } // the user goes on outside of the popup
  | { readonly at: "add"; readonly reading: boolean; readonly problem?: Problem; readonly hint?: string }
  | ({ readonly at: "offers" } & OffersResult)
  | {
      readonly at: "offer";
      readonly offer: Offer;
      readonly of?: Extract<Step, { at: "offers" }>; // to choose from
      readonly parts?: Parts; // of the export that it alone was read from
      readonly saving: boolean;
      readonly problem?: Problem; // with what the user wrote
      readonly hint?: string;
    }
  | { readonly at: "saved"; readonly account: Account }
  | { readonly at: "sheet"; readonly account: Account; readonly sheet?: Sheet; readonly saving: boolean }
  | { readonly at: "kept"; readonly account: Account; readonly added: number; readonly already: number };

export interface Model {
  readonly state?: State; // nothing known yet without
  readonly number: number; // of the state
  readonly armed: boolean;
  readonly step: Step;
  readonly selected: number; // in the list
  readonly query: string;
  readonly found?: { readonly accounts: readonly Account[]; readonly total: number };
  readonly shown?: Shown;
  readonly unlocking: boolean;
  readonly asked: boolean; // for a code to show
  readonly again?: Problem; // why the list is shown anew
  readonly foul?: boolean; // somebody may have meddled with what came from other computers
}

/** What happens: a message of the background, or the user. */
export type Event =
  | ToPopup
  | { readonly type: "armed" }
  | { readonly type: "expired" }
  | { readonly type: "query"; readonly query: string }
  | { readonly type: "move"; readonly by: number }
  | { readonly type: "choose"; readonly index?: number } // Enter or a click on the list; the selected one without index
  | { readonly type: "open"; readonly index?: number } // the list's other act: the account itself
  | { readonly type: "confirm" }
  | { readonly type: "ask"; readonly purpose: "show" | "copy" }
  | { readonly type: "unlock" }
  | { readonly type: "compare" } // the code of a host that is not the one which was trusted
  | { readonly type: "same" } // as in the terminal
  | { readonly type: "differs" }
  | { readonly type: "look" } // asks what the page has, and why
  | { readonly type: "teach"; readonly field: WhyField; readonly as: MarkAs }
  | { readonly type: "remind"; readonly reminder: Wish }
  | { readonly type: "link"; readonly url: string } // opens a page of the site in a tab
  | { readonly type: "add" } // an account, for this page
  | { readonly type: "read"; readonly from: Source }
  | { readonly type: "picture"; readonly picture: string }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "pick"; readonly index: number }
  | { readonly type: "save"; readonly issuer: string; readonly account: string }
  | { readonly type: "use" } // the account that the vault has already
  | { readonly type: "collect"; readonly account: Account } // the recovery codes on the page
  | { readonly type: "keep" }
  | { readonly type: "later" }
  | { readonly type: "back" };

/** What follows: the new model, and what the background is told. */
export interface Next {
  readonly model: Model;
  readonly send?: FromPopup;
  readonly open?: string; // an address for a new tab
}

export const START: Model = {
  number: 0,
  armed: false,
  step: { at: "list" },
  selected: 0,
  query: "",
  unlocking: false,
  asked: false,
};

/** The accounts that are listed now. */
export function listed(model: Model): readonly Account[] {
  if (model.query) return model.found?.accounts ?? [];
  return model.state?.is === "page" ? offered(model.state) : [];
}

/** The accounts for a page: those that have what its field takes. */
function offered(state: Extract<State, { is: "page" }>): readonly Account[] {
  const { kind, accounts } = state;
  if (elsewhere(kind)) return [];
  const what = fillingOf(state);
  const having = what ? accounts.filter((each) => has(each, what)) : accounts;
  return what === "append" && having.length === 0 ? accounts : having;
}

/** What would be filled into the page's field, if anything: of one account, or of any. */
export function filling({ state }: Model, account?: Account): Filling | undefined {
  const what = state?.is === "page" ? fillingOf(state) : undefined;
  if (!what || state?.is !== "page" || what === "code") return what;
  return (account ? [account] : state.accounts).some((each) => has(each, what)) ? what : undefined;
}

/** Whether the page's field may get a code of ours. */
export function fillable(model: Model): boolean {
  return filling(model) !== undefined;
}

/** The program that answered in the host's place. */
export function strangerOf({ state }: Pick<Model, "state">): Stranger | undefined {
  return state?.is === "problem" ? state.stranger : undefined;
}

/** Whether the popup shows the code of a stranger, and asks about it: at first contact, or where the user wants it. */
export function asksForTrust({ state, step }: Model): boolean {
  if (state?.is !== "problem" || !state.stranger) return false;
  return step.at === "compare" || (step.at === "list" && state.problem === "host_unknown");
}

export function update(model: Model, event: Event): Next {
  const next = follow(model, event);
  return moved(model, next.model) ? { ...next, model: { ...next.model, armed: false } } : next;
}

/** Whether a button that releases something may stand where the user aimed at another: the second half of a double click is no act of its own. */
function moved(before: Model, after: Model): boolean {
  const listAgain = before.query !== "" && after.query === "";
  return before.step.at !== after.step.at || before.shown !== after.shown || listAgain;
}

function follow(model: Model, event: Event): Next {
  switch (event.type) {
    case "state": {
      const { shown: _, found: __, again: ___, ...rest } = model;
      // The first state arms at once unless a page caused the popup, or a host is to be trusted; a later one puts a
      // button where another was.
      const armed = model.state === undefined && !event.pageCaused && !strangerOf(event);
      const again = event.again && { again: event.again };
      return {
        model: {
          ...rest,
          ...again,
          state: event.state,
          number: event.number,
          armed,
          step: LIST,
          selected: 0,
          query: "",
          unlocking: false,
          asked: false,
        },
      };
    }
    case "armed":
      return { model: { ...model, armed: true } };
    case "found":
      if (event.query !== model.query) return { model };
      return { model: { ...model, found: { accounts: event.accounts, total: event.total }, selected: 0 } };
    case "query": {
      const { found: _, ...rest } = model;
      const next = { ...rest, query: event.query, selected: 0, step: LIST };
      return event.query
        ? {
            model: { ...next, ...(model.found && { found: model.found }) },
            send: { type: "search", query: event.query },
          }
        : { model: next };
    }
    case "move": {
      const count = listed(model).length;
      if (count === 0 || model.step.at !== "list") return { model };
      return { model: { ...model, selected: (model.selected + event.by + count) % count } };
    }
    case "choose": {
      const account = listed(model)[event.index ?? model.selected];
      if (!account || model.step.at !== "list") return { model };
      const selected = event.index ?? model.selected;
      // A found account is looked at first; one that the page asks for is filled.
      if (model.query || !fillable(model)) return { model: { ...model, selected, step: { at: "account", account } } };
      return wants({ ...model, selected }, account);
    }
    case "open": {
      const account = listed(model)[event.index ?? model.selected];
      return { model: account ? { ...model, step: { at: "account", account } } : model };
    }
    case "confirm":
      return confirm(model);
    case "ask": {
      const { step } = model;
      if (step.at !== "account" && step.at !== "failed") return { model };
      if (!step.account || !model.armed || model.asked) return { model };
      return {
        model: { ...model, asked: true },
        send: { type: "code", handle: step.account.handle, purpose: event.purpose },
      };
    }
    case "code": {
      const { handle, code, expiresAt, purpose } = event;
      const { step } = model;
      const asked = step.at === "account" || step.at === "failed" ? step.account : undefined;
      const account = event.account ?? (asked?.handle === handle ? asked : undefined);
      if (!account) return { model: { ...model, asked: false } };
      const shown = { handle, code, expiresAt, copied: purpose === "copy" };
      return { model: { ...model, asked: false, shown, step: { at: "account", account } } };
    }
    case "expired": {
      const { shown: _, ...rest } = model;
      return { model: rest };
    }
    case "waiting":
      return { model: model.step.at === "filling" ? { ...model, step: { ...model.step, until: event.until } } : model };
    case "filled":
      return { model: { ...model, step: { at: "done" } } };
    case "failed": {
      const { problem, hint, unused } = event;
      const { step } = model;
      const said = { problem, ...(hint !== undefined && { hint }) };
      if (step.at === "offer" && problem === "not_valid")
        return { model: { ...model, armed: false, step: { ...step, ...said, saving: false } } };
      if (wayOut(problem).act === "add")
        return { model: { ...model, armed: false, step: { at: "add", reading: false, ...said } } };
      const account =
        step.at === "filling" || step.at === "account" || step.at === "failed" ? step.account : only(model);
      const failed = {
        at: "failed",
        problem,
        ...(hint !== undefined && { hint }),
        ...(unused !== undefined && { unused }),
        ...(account && { account }),
      } as const;
      return { model: { ...model, unlocking: false, asked: false, step: failed } };
    }
    case "unlock":
      return model.unlocking
        ? { model }
        : { model: { ...model, unlocking: true, step: LIST }, send: { type: "unlock" } };
    case "compare":
      return strangerOf(model) ? { model: { ...model, armed: false, step: { at: "compare" } } } : { model };
    case "same": {
      const stranger = strangerOf(model);
      if (!asksForTrust(model) || !stranger || !model.armed) return { model };
      return { model: { ...model, armed: false }, send: { type: "pin", key: stranger.key } };
    }
    case "differs":
      return asksForTrust(model) ? { model: { ...model, step: { at: "other" } } } : { model };
    case "look":
      return { model: { ...model, query: "", step: { at: "why" } }, send: { type: "why" } };
    case "why":
      return { model: model.step.at === "why" ? { ...model, step: { at: "why", fields: event.fields } } : model };
    case "teach":
      if (model.step.at !== "why" || !model.armed) return { model };
      return { model, send: { type: "teach", page: event.field.page, field: event.field.name, as: event.as } };
    case "remind": {
      const { state } = model;
      if (state?.is !== "page" || !state.facts || !model.armed) return { model };
      const facts = { ...state.facts, reminder: event.reminder };
      return { model: { ...model, state: { ...state, facts } }, send: { type: "remind", reminder: event.reminder } };
    }
    case "link":
      return model.armed ? { model, open: event.url } : { model };
    case "add":
    case "read":
    case "picture":
    case "text":
    case "offers":
    case "pick":
    case "save":
    case "saved":
    case "use":
      return enroll(model, event);
    case "collect":
    case "sheet":
    case "keep":
    case "kept":
    case "later":
      return collect(model, event);
    case "foul": // what is below the notice moves
      return { model: model.foul ? model : { ...model, foul: true, armed: false } };
    case "away":
      return { model: { ...model, step: { at: "away" } } };
    case "back": {
      const { shown: _, ...rest } = model;
      if (model.step.at === "offer" && model.step.of) return { model: { ...model, step: model.step.of } };
      if (model.step.at === "list") return { model: { ...rest, query: "", selected: 0 } };
      return { model: { ...rest, step: LIST } };
    }
    default:
      return event satisfies never;
  }
}

const LIST = { at: "list" } as const;

type Of<T extends Event["type"]> = Extract<Event, { type: T }>;

/** The way of a new account, from what the user gives to the vault. */
function enroll(
  model: Model,
  event: Of<"add" | "read" | "picture" | "text" | "offers" | "pick" | "save" | "saved" | "use">,
): Next {
  const { step, state } = model;
  // Whatever releases or saves takes the place of another button.
  const to = (next: Step): Next => ({ model: { ...model, query: "", armed: false, step: next } });
  const reading = (send: FromPopup): Next => {
    if (state?.is !== "page" || (step.at === "add" && step.reading)) return { model };
    return { model: { ...model, query: "", step: { at: "add", reading: true } }, send };
  };
  switch (event.type) {
    case "add":
      return state?.is === "page" ? { model: { ...model, query: "", step: { at: "add", reading: false } } } : { model };
    case "read":
      return model.armed ? reading({ type: "enroll", from: event.from }) : { model };
    case "picture":
      return reading({ type: "picture", picture: event.picture });
    case "text":
      return reading({ type: "text", text: event.text });
    case "offers": {
      const { type: _, ...result } = event;
      const [offer, other] = result.offers;
      if (state?.is !== "page" || !offer) return { model };
      const { parts } = result;
      return to(other ? { at: "offers", ...result } : { at: "offer", offer, saving: false, ...(parts && { parts }) });
    }
    case "pick": {
      const offer = step.at === "offers" ? step.offers[event.index] : undefined;
      return offer && step.at === "offers" ? to({ at: "offer", offer, of: step, saving: false }) : { model };
    }
    case "save": {
      if (step.at !== "offer" || step.saving || step.offer.have || !model.armed) return { model };
      const { issuer, account } = event;
      const { problem: _, hint: __, ...rest } = step;
      return {
        model: { ...model, step: { ...rest, saving: true } },
        send: { type: "save", state: model.number, ticket: step.offer.ticket, issuer, account },
      };
    }
    case "saved":
      return to({ at: "saved", account: event.account });
    case "use": {
      const have = step.at === "offer" ? step.offer.have : undefined;
      if (!have || !model.armed || (step.at === "offer" && step.saving)) return { model };
      if (filling(model, have)) {
        return {
          model: { ...model, step: { at: "filling", account: have } },
          send: { type: "fill", state: model.number, handle: have.handle, allow: true },
        };
      }
      return {
        model: { ...model, step: { ...step, saving: true } as Step },
        send: { type: "allow", state: model.number, handle: have.handle },
      };
    }
    default:
      return event satisfies never;
  }
}

/** The way of recovery codes from a page into the vault. */
function collect(model: Model, event: Of<"collect" | "sheet" | "keep" | "kept" | "later">): Next {
  const { step, state } = model;
  switch (event.type) {
    case "collect": {
      if (state?.is !== "page" || !model.armed) return { model };
      const { shown: _, ...rest } = model;
      const { account } = event;
      return {
        model: { ...rest, query: "", step: { at: "sheet", account, saving: false } },
        send: { type: "sheet", handle: account.handle },
      };
    }
    case "sheet": {
      const here = step.at === "sheet" && step.account.handle === event.handle;
      return here ? { model: { ...model, armed: false, step: { ...step, sheet: event.sheet } } } : { model };
    }
    case "keep": {
      if (step.at !== "sheet" || step.saving || !step.sheet?.count || !model.armed) return { model };
      const { handle } = step.account;
      return { model: { ...model, step: { ...step, saving: true } }, send: { type: "keep", handle } };
    }
    case "kept": {
      if (step.at !== "sheet" || step.account.handle !== event.handle) return { model };
      const { added, already } = event;
      return { model: told({ ...model, step: { at: "kept", account: step.account, added, already } }) };
    }
    case "later":
      return { model: told({ ...model, step: LIST, armed: false }), send: { type: "later" } };
    default:
      return event satisfies never;
  }
}

/** Without what became of an enrollment: the user knows. */
function told(model: Model): Model {
  const { state } = model;
  if (state?.is !== "page") return model;
  const { enrolled: _, ...rest } = state;
  return { ...model, state: rest };
}

/** The one bound account of the page, if there is just one. */
function only(model: Model): Account | undefined {
  const bound = model.state?.is === "page" ? model.state.accounts.filter((each) => each.strength === "bound") : [];
  return bound.length === 1 ? bound[0] : undefined;
}

/** The user wants this account's code in the field: at once where it belongs, else they are asked. */
function wants(model: Model, account: Account): Next {
  if (!model.armed || !filling(model, account)) return { model };
  if (account.strength !== "bound") return { model: { ...model, armed: false, step: { at: "agree", account } } };
  return {
    model: { ...model, step: { at: "filling", account } },
    send: { type: "fill", state: model.number, handle: account.handle, allow: false },
  };
}

function confirm(model: Model): Next {
  const { step } = model;
  if (!model.armed || !fillable(model)) return { model };
  switch (step.at) {
    case "list": {
      const account = listed(model)[model.selected];
      return account ? wants(model, account) : { model };
    }
    case "account":
    case "saved":
      return wants(model, step.account);
    case "agree": {
      const { account } = step;
      return {
        model: { ...model, step: { at: "filling", account } },
        send: { type: "fill", state: model.number, handle: account.handle, allow: true },
      };
    }
    default:
      return { model };
  }
}
