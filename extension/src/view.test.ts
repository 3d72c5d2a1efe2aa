import { expect, test } from "vitest";
import type { State } from "./messages.ts";
import type { Account, Offer, Strength } from "./protocol.ts";
import { type Event, filling, listed, type Model, START, update } from "./view.ts";

const account = (handle: string, strength: Strength = "bound"): Account => ({
  handle,
  issuer: handle.toUpperCase(),
  account: "alice",
  strength,
  type: "totp",
  digits: 6,
  period: 30,
  append: false,
  submit: false,
  ask: false,
  recovery: 0,
});
const page = (...accounts: Account[]): State => ({ is: "page", host: "a.example", kind: "totp", accounts });
const state = (of: State, pageCaused = false): Event => ({ type: "state", number: 7, state: of, pageCaused });

/** Plays events; gives the last model and all that was sent. */
function play(...events: Event[]) {
  const sent: unknown[] = [];
  let model: Model = START;
  for (const event of events) {
    const next = update(model, event);
    model = next.model;
    if (next.send) sent.push(next.send);
  }
  return { model, sent, at: model.step.at };
}

const fill = (handle: string, allow = false) => ({ type: "fill", state: 7, handle, allow });

test("one bound account fills on a plain confirm", () => {
  expect(play(state(page(account("a"))), { type: "confirm" }).sent).toEqual([fill("a")]);
});

test("nothing is confirmed twice", () => {
  const { sent } = play(state(page(account("a"))), { type: "confirm" }, { type: "confirm" }, { type: "choose" });
  expect(sent).toEqual([fill("a")]);
});

test("nothing is confirmed before anything is shown", () => {
  expect(play({ type: "confirm" }, { type: "choose" }).sent).toEqual([]);
});

test("a popup that a page caused does nothing until it is armed", () => {
  const caused = state(page(account("a")), true);
  expect(play(caused, { type: "confirm" }, { type: "choose" }, { type: "choose", index: 0 }).sent).toEqual([]);
  expect(play(caused, { type: "armed" }, { type: "confirm" }).sent).toEqual([fill("a")]);
});

test("a popup that a page caused shows no code until it is armed", () => {
  const bare: State = { is: "page", host: "a.example", kind: "none", accounts: [account("a")] };
  const opened = [state(bare, true), { type: "choose" }] as const;
  const ask: Event = { type: "ask", purpose: "show" };
  expect(play(...opened, ask, { ...ask, purpose: "copy" })).toMatchObject({ at: "account", sent: [] });
  expect(play(...opened, { type: "armed" }, ask).sent).toEqual([{ type: "code", handle: "a", purpose: "show" }]);
});

test("a list that took another's place is not armed", () => {
  const twice = play(state({ is: "locked" }), { type: "unlock" }, state(page(account("a"))), { type: "confirm" });
  expect(twice.sent).toEqual([{ type: "unlock" }]);
});

const show: Event = { type: "ask", purpose: "show" };
const copy: Event = { type: "ask", purpose: "copy" };
const shown: Event = { type: "code", handle: "a", purpose: "show", code: "123456", expiresAt: 9 };
const look: Event = { type: "open" };
const armed: Event = { type: "armed" };

test.each<[string, Event[], Event]>([
  ["back in the list", [look, { type: "back" }], { type: "confirm" }],
  ["back from a problem", [{ type: "failed", problem: "declined" }, { type: "back" }], { type: "choose" }],
  [
    "the list, once nothing is searched for any more",
    [
      { type: "query", query: "b" },
      { type: "query", query: "" },
    ],
    { type: "choose" },
  ],
  ["an account that was chosen", [look], show],
  ["the copy button after a fill that failed", [{ type: "confirm" }, { type: "failed", problem: "covered" }], copy],
  ["the copy button beside a code", [look, armed, show, shown], copy],
  ["the show button when a code's time is over", [look, armed, show, shown, armed, { type: "expired" }], show],
])("the second half of a double click gives nothing: %s", (_name, before, act) => {
  const start = [state(page(account("a"))), ...before];
  const { sent } = play(...start);
  expect(play(...start, act).sent).toEqual(sent);
  expect(play(...start, armed, act).sent).toHaveLength(sent.length + 1);
});

test("a code is asked for once until it comes, or does not", () => {
  const asked = [state(page(account("a"))), look, armed, show] as const;
  const one = { type: "code", handle: "a", purpose: "show" };
  expect(play(...asked, show, copy).sent).toEqual([one]);
  expect(play(...asked, { type: "failed", problem: "budget_used" }, { type: "back" }, look, armed, show).sent).toEqual([
    one,
    one,
  ]);
  expect(play(...asked, { type: "back" }, shown, look, armed, show).sent).toEqual([one, one]);
});

test("arrow keys choose among several, and go round", () => {
  const three = state(page(account("a"), account("b"), account("c")));
  const down: Event = { type: "move", by: 1 };
  const up: Event = { type: "move", by: -1 };
  expect(play(three, down, { type: "choose" }).sent).toEqual([fill("b")]);
  expect(play(three, up, { type: "choose" }).sent).toEqual([fill("c")]);
  expect(play(three, down, down, down, { type: "confirm" }).sent).toEqual([fill("a")]);
  expect(play(three, { type: "choose", index: 2 }).sent).toEqual([fill("c")]);
  expect(play(three, { type: "choose", index: 3 }).sent).toEqual([]);
});

test.each(["known", "related", "suggested", "none"] as const)(
  "%s asks once, and only an armed button agrees",
  (strength) => {
    const asked = [state(page(account("a", strength))), { type: "confirm" }] as const;
    expect(play(...asked)).toMatchObject({ at: "agree", sent: [] });
    expect(play(...asked, { type: "confirm" })).toMatchObject({ at: "agree", sent: [] });
    expect(play(...asked, { type: "armed" }, { type: "confirm" }).sent).toEqual([fill("a", true)]);
    expect(play(...asked, { type: "back" }, { type: "armed" }, { type: "back" })).toMatchObject({
      at: "list",
      sent: [],
    });
  },
);

test.each(["otp-sms", "otp-email", "recovery-code"] as const)("on %s no code is offered, nor filled", (kind) => {
  const wrong = state({ is: "page", host: "a.example", kind, accounts: [account("a")] });
  expect(listed(play(wrong).model)).toEqual([]);
  expect(play(wrong, { type: "confirm" }, { type: "choose" }).sent).toEqual([]);
});

test("without a field an account is looked at, not filled", () => {
  const bare = state({ is: "page", host: "a.example", kind: "none", accounts: [account("a")] });
  expect(play(bare, { type: "choose" })).toMatchObject({ at: "account", sent: [] });
  expect(play(bare, { type: "choose" }, { type: "confirm" }).sent).toEqual([]);
});

test("a found account is looked at first, and is shown or copied when asked", () => {
  const found: Event = { type: "found", query: "b", accounts: [account("b", "none")], total: 1 };
  const searched = [state(page(account("a"))), { type: "query", query: "b" }, found, { type: "choose" }] as const;
  expect(play(...searched)).toMatchObject({ at: "account", sent: [{ type: "search", query: "b" }] });
  const armed = [...searched, { type: "armed" }] as const;
  expect(play(...armed, { type: "ask", purpose: "copy" }).sent[1]).toEqual({
    type: "code",
    handle: "b",
    purpose: "copy",
  });
  expect(play(...armed, { type: "confirm" })).toMatchObject({ at: "agree" });
});

test("what was found for an older query is dropped", () => {
  const late: Event = { type: "found", query: "b", accounts: [account("b")], total: 1 };
  const { model } = play(state(page()), { type: "query", query: "b" }, { type: "query", query: "bc" }, late);
  expect(listed(model)).toEqual([]);
});

test("a code is shown only for the account that was asked, and goes when it ends", () => {
  const code = (handle: string): Event => ({ type: "code", handle, purpose: "show", code: "123456", expiresAt: 9 });
  const open = [state(page(account("a"))), { type: "open" }] as const;
  expect(play(...open, code("a")).model.shown?.code).toBe("123456");
  expect(play(...open, code("b")).model.shown).toBeUndefined();
  expect(play(state(page()), { ...code("b"), account: account("b") } as Event)).toMatchObject({ at: "account" });
  expect(play(...open, code("a"), { type: "expired" }).model.shown).toBeUndefined();
  expect(play(...open, code("a"), { type: "back" }).model.shown).toBeUndefined();
  expect(play(...open, code("a"), state({ is: "locked" })).model.shown).toBeUndefined();
});

test("a fill that failed keeps the account for the copy button", () => {
  const failed = play(state(page(account("a"))), { type: "confirm" }, { type: "failed", problem: "rejected" });
  expect(failed.model.step).toEqual({ at: "failed", problem: "rejected", account: account("a") });
});

test("waiting for the next code is shown while filling only", () => {
  const waiting: Event = { type: "waiting", until: 5 };
  expect(play(state(page(account("a"))), waiting).at).toBe("list");
  expect(play(state(page(account("a"))), { type: "confirm" }, waiting).model.step).toMatchObject({
    at: "filling",
    until: 5,
  });
});

test.each([
  ["a code that was sent", { kind: "otp-sms" }, undefined, []],
  ["a one-time code", { kind: "totp" }, "code", ["a", "b", "c"]],
  ["a recovery code", { kind: "recovery-code" }, "recovery", ["b"]],
  ["a typed password", { kind: "none", append: true }, "append", ["c"]],
  ["nothing", { kind: "none" }, undefined, ["a", "b", "c"]],
] as const)("a page that takes %s is offered the accounts that have it", (_what, has, what, handles) => {
  const accounts = [account("a"), { ...account("b"), recovery: 3 }, { ...account("c"), append: true }];
  const { model } = play(state({ is: "page", host: "a.example", accounts, ...has }));
  expect(filling(model)).toBe(what);
  expect(listed(model).map(({ handle }) => handle)).toEqual(handles);
});

test("a page that takes a recovery code of an account without any is offered nothing", () => {
  const { model, sent } = play(state({ ...page(account("a")), kind: "recovery-code" } as State), { type: "confirm" });
  expect([filling(model), listed(model), sent]).toEqual([undefined, [], []]);
});

const seen = {
  page: 1,
  host: "a.example",
  name: "text name=x",
  label: "",
  kind: "none",
  sure: 50,
  reasons: [],
} as const;

test("what the page has is asked for, and shown when it comes", () => {
  const asked = play(state(page()), { type: "look" });
  expect(asked).toMatchObject({ at: "why", sent: [{ type: "why" }] });
  expect(play(state(page()), { type: "look" }, { type: "why", fields: [seen] }).model.step).toEqual({
    at: "why",
    fields: [seen],
  });
  expect(play(state(page()), { type: "why", fields: [seen] }).at).toBe("list");
});

test("the user teaches a field, in a popup that is armed", () => {
  const teach: Event = { type: "teach", field: seen, as: "totp" };
  expect(play(state(page()), { type: "look" }, { type: "armed" }, teach).sent).toEqual([
    { type: "why" },
    { type: "teach", page: 1, field: "text name=x", as: "totp" },
  ]);
  expect(play(state(page(), true), { type: "look" }, teach).sent).toEqual([{ type: "why" }]);
  expect(play(state(page()), teach).sent).toEqual([]);
});

test("a wish to be reminded is shown at once", () => {
  const facts = { name: "A", accounts: 0, reminder: "seen" } as const;
  const { model, sent } = play(state({ ...page(), kind: "otp-sms", facts } as State), {
    type: "remind",
    reminder: "wanted",
  });
  expect(model.state).toMatchObject({ facts: { reminder: "wanted" } });
  expect(sent).toEqual([{ type: "remind", reminder: "wanted" }]);
});

const offerOf = (ticket: string, have?: Account): Offer => ({
  ticket,
  issuer: "A",
  account: "alice",
  type: "totp",
  algorithm: "SHA1",
  digits: 6,
  period: 30,
  ...(have && { have }),
});
const offers = (...all: Offer[]): Event => ({ type: "offers", offers: all, others: 0 });
const enrollPage: State = { is: "page", host: "a.example", kind: "enroll", accounts: [] };
const save: Event = { type: "save", issuer: "A", account: "alice" };
const saving = { type: "save", state: 7, ticket: "t", issuer: "A", account: "alice" };

test("an account on the page: read, saved once armed, then its code is confirmed once more", () => {
  const read: Event = { type: "read", from: "page" };
  const { sent, at } = play(
    state(enrollPage),
    read,
    read,
    offers(offerOf("t")),
    save,
    { type: "armed" },
    save,
    save,
    { type: "saved", account: account("new") },
    { type: "confirm" },
    { type: "armed" },
    { type: "confirm" },
  );
  expect(sent).toEqual([{ type: "enroll", from: "page" }, saving, fill("new")]);
  expect(at).toBe("filling");
});

test("a popup that a page caused reads nothing of it until it is armed", () => {
  expect(play(state(enrollPage, true), { type: "read", from: "page" }).sent).toEqual([]);
});

test("of several accounts one is picked, and back leads to them", () => {
  const start = [state(enrollPage), offers(offerOf("s"), offerOf("t"))] as const;
  expect(play(...start).at).toBe("offers");
  const picked = [...start, { type: "pick", index: 1 }] as const;
  expect(play(...picked, { type: "armed" }, save).sent).toEqual([saving]);
  expect(play(...picked, { type: "back" }).at).toBe("offers");
  expect(play(...picked, { type: "back" }, { type: "back" }).at).toBe("list");
});

test("an account that the vault has is used, not saved", () => {
  const known = [offers(offerOf("t", account("h", "none"))), { type: "armed" }] as const;
  expect(play(state(enrollPage), ...known, save).sent).toEqual([]);
  expect(play(state(enrollPage), ...known, { type: "use" }).sent).toEqual([fill("h", true)]);
  const bare: State = { is: "page", host: "a.example", kind: "none", accounts: [] };
  expect(play(state(bare), ...known, { type: "use" }, { type: "use" }).sent).toEqual([
    { type: "allow", state: 7, handle: "h" },
  ]);
});

test.each(["no_qr", "not_otp", "picture_refused", "busy", "no_picture", "unknown_ticket"] as const)(
  "after %s the other ways are there",
  (problem) => {
    const { model } = play(state(enrollPage), { type: "read", from: "page" }, { type: "failed", problem });
    expect(model.step).toMatchObject({ at: "add", reading: false, problem });
  },
);

test("a name that the vault does not take is corrected where it stands", () => {
  const wrong: Event = { type: "failed", problem: "not_valid", hint: "h" };
  const { model, sent } = play(state(enrollPage), offers(offerOf("t")), { type: "armed" }, save, wrong, save);
  expect(model.step).toMatchObject({ at: "offer", problem: "not_valid", hint: "h", saving: false });
  expect(sent).toEqual([saving]);
});

test("nothing that was read for a page is shown where there is none", () => {
  expect(play(state({ is: "locked" }), offers(offerOf("t"))).at).toBe("list");
});

test("recovery codes are saved once they are seen and the popup is armed", () => {
  const took: State = { ...enrollPage, enrolled: { account: account("a"), accepted: true } };
  const found: Event = { type: "sheet", handle: "a", sheet: { count: 10, first: "ab••", last: "yz••" } };
  const keep: Event = { type: "keep" };
  const { model, sent } = play(
    state(took),
    { type: "collect", account: account("a") },
    keep,
    found,
    keep,
    { type: "armed" },
    keep,
    keep,
    { type: "kept", handle: "a", added: 10, already: 0 },
  );
  expect(sent).toEqual([
    { type: "sheet", handle: "a" },
    { type: "keep", handle: "a" },
  ]);
  expect(model.step).toMatchObject({ at: "kept", added: 10 });
  expect(model.state).not.toHaveProperty("enrolled");
});

test("a page without recovery codes has none to save", () => {
  const none: Event = { type: "sheet", handle: "a", sheet: { count: 0, first: "", last: "" } };
  const { sent } = play(
    state(enrollPage),
    { type: "collect", account: account("a") },
    none,
    { type: "armed" },
    {
      type: "keep",
    },
  );
  expect(sent).toEqual([{ type: "sheet", handle: "a" }]);
});

test("who does not want to hear of an enrollment is not told again", () => {
  const took: State = { ...enrollPage, enrolled: { account: account("a"), accepted: true } };
  const { model, sent } = play(state(took), { type: "later" });
  expect(sent).toEqual([{ type: "later" }]);
  expect(model.state).not.toHaveProperty("enrolled");
});

const stranger = { key: "K", code: "1DSM-HYG3-H5RC" };
const pins = { type: "pin", key: "K" };

test.each<[string, Event[], unknown[], string]>([
  ["not at once, though no page caused the popup", [{ type: "same" }], [], "list"],
  ["once, when it is armed", [{ type: "armed" }, { type: "same" }, { type: "same" }], [pins], "list"],
  ["not by what else confirms", [{ type: "armed" }, { type: "confirm" }, { type: "choose" }], [], "list"],
  ["not after a no", [{ type: "armed" }, { type: "differs" }, { type: "same" }], [], "other"],
])("N11 a host at first contact is trusted %s", (_name, events, sent, at) => {
  const first = state({ is: "problem", problem: "host_unknown", stranger });
  expect(play(first, ...events)).toMatchObject({ sent, at });
});

test.each<[string, Event[], unknown[], string]>([
  ["not beside the warning", [{ type: "armed" }, { type: "same" }], [], "list"],
  ["not at once where its code is shown", [{ type: "armed" }, { type: "compare" }, { type: "same" }], [], "compare"],
  ["after its code was shown", [{ type: "compare" }, { type: "armed" }, { type: "same" }], [pins], "compare"],
])("N11 another host than the trusted one is trusted %s", (_name, events, sent, at) => {
  const changed = state({ is: "problem", problem: "host_changed", stranger });
  expect(play(changed, ...events)).toMatchObject({ sent, at });
});

test("N11 what proved no key cannot be trusted", () => {
  const unproved = state({ is: "problem", problem: "host_changed" });
  const { sent, at } = play(unproved, { type: "armed" }, { type: "compare" }, { type: "same" }, { type: "differs" });
  expect([sent, at]).toEqual([[], "list"]);
});

test("a notice of foul play moves what is below it, which then waits to be armed anew", () => {
  const seen = [state(page(account("a"))), { type: "foul" }] as const;
  expect(play(...seen, { type: "confirm" })).toMatchObject({ model: { foul: true }, sent: [] });
  expect(play(...seen, { type: "armed" }, { type: "foul" }, { type: "confirm" }).sent).toEqual([fill("a")]);
  expect(play(...seen, state(page(account("a")))).model.foul).toBe(true);
});
