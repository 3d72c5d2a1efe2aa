import { type Trouble, trouble } from "./accounts.ts";
import type { FromOptions, ToOptions } from "./messages.ts";
import { type Account, MAX_TEXT, type Offer, type Parts } from "./protocol.ts";

// What the options page shows where an account is added, as a pure function of
// what happened. Secrets stay in the host: an offer is a ticket and its names.

/** An offer, with its names as the user left them, and what became of it. */
export interface Offered {
  readonly offer: Offer;
  readonly issuer: string;
  readonly account: string;
  readonly ask?: number; // while it is saved
  readonly saved?: Account;
  readonly trouble?: Trouble;
}

export interface Model {
  readonly asked: number;
  readonly reading?: number; // the request that reads
  readonly offers?: readonly Offered[];
  readonly others: number; // that were read, and are no accounts
  readonly parts?: Parts; // of an export that was not read whole
  readonly trouble?: Trouble;
}

export type Event =
  | ToOptions
  | { readonly type: "seen"; readonly picture?: string } // a picture in base64; without, one that the browser cannot read
  | { readonly type: "typed"; readonly text: string }
  | { readonly type: "name"; readonly ticket: string; readonly field: "issuer" | "account"; readonly value: string }
  | { readonly type: "save"; readonly ticket: string };

export interface Next {
  readonly model: Model;
  readonly send?: FromOptions;
  readonly focus?: string; // as offers.ts names it
}

export const START: Model = { asked: 0, others: 0 };

export function update(model: Model, event: Event): Next {
  switch (event.type) {
    case "seen": {
      const ask = model.asked + 1;
      if (!event.picture) return { model: { asked: ask, others: 0, trouble: { problem: "picture_refused" } } };
      return {
        model: { asked: ask, others: 0, reading: ask },
        send: { type: "picture", ask, picture: event.picture },
      };
    }
    case "typed": {
      const text = event.text.trim();
      const ask = model.asked + 1;
      if (text.length > MAX_TEXT) return { model: { asked: ask, others: 0, trouble: { problem: "not_otp" } } };
      return text ? { model: { asked: ask, others: 0, reading: ask }, send: { type: "text", ask, text } } : { model };
    }
    case "name":
      return { model: changed(model, event.ticket, { [event.field]: event.value }) };
    case "save": {
      const found = model.offers?.find(({ offer }) => offer.ticket === event.ticket);
      if (!found || found.ask !== undefined || found.saved || found.offer.have) return { model };
      const ask = model.asked + 1;
      const { issuer, account } = found;
      return {
        model: { ...changed(model, event.ticket, { ask, trouble: undefined }), asked: ask },
        send: { type: "enroll", ask, ticket: event.ticket, issuer: issuer.trim(), account: account.trim() },
      };
    }
    case "picture":
    case "text": {
      if (event.ask !== model.reading) return { model };
      const { asked } = model;
      if (!event.answer.ok) return { model: { asked, others: 0, trouble: trouble(event.answer) } };
      const { offers, others, parts } = event.answer.result;
      const offered = offers.map((offer) => ({ offer, issuer: offer.issuer, account: offer.account }));
      return { model: { asked, others, offers: offered, ...(parts && { parts }) }, focus: "offers" };
    }
    case "enroll": {
      const found = model.offers?.find(({ ask }) => ask === event.ask);
      if (!found) return { model };
      const what = event.answer.ok ? { saved: event.answer.result.account } : { trouble: trouble(event.answer) };
      return {
        model: changed(model, found.offer.ticket, { ask: undefined, ...what }),
        ...(event.answer.ok && { focus: `show ${found.offer.ticket}` }),
      };
    }
    case "services":
    case "log":
    case "devices":
    case "unlock":
    case "pin":
    case "list":
    case "edit":
    case "remove":
    case "restore":
      return { model };
    default:
      return event satisfies never;
  }
}

/** The model with one offer changed; what is undefined is taken away. */
function changed(
  model: Model,
  ticket: string,
  what: { [K in Exclude<keyof Offered, "offer">]?: Offered[K] | undefined },
): Model {
  if (!model.offers) return model;
  const offers = model.offers.map((each) => {
    if (each.offer.ticket !== ticket) return each;
    const all = Object.entries({ ...each, ...what }).filter(([, value]) => value !== undefined);
    return Object.fromEntries(all) as unknown as Offered;
  });
  return { ...model, offers };
}
