import { expect, test } from "vitest";
import { type Event, type Model, START, update } from "./adding.ts";
import type { FromOptions } from "./messages.ts";
import type { Account, Offer } from "./protocol.ts";

const offer = (ticket: string, more: Partial<Offer> = {}): Offer => ({
  ticket,
  issuer: "A",
  account: "",
  type: "totp",
  algorithm: "SHA1",
  digits: 6,
  period: 30,
  ...more,
});
const account = { handle: "h", issuer: "A", account: "alice" } as Account;

function run(from: Model, ...events: Event[]): { model: Model; sent: FromOptions[] } {
  const sent: FromOptions[] = [];
  let model = from;
  for (const event of events) {
    const next = update(model, event);
    model = next.model;
    if (next.send) sent.push(next.send);
  }
  return { model, sent };
}

const read = (...offers: Offer[]) =>
  run(
    START,
    { type: "seen", picture: "AAAA" },
    { type: "picture", ask: 1, answer: { ok: true, result: { offers, others: 0 } } },
  ).model;

test("an offer is saved once, with the names as the user left them", () => {
  const { model, sent } = run(
    read(offer("t")),
    { type: "name", ticket: "t", field: "account", value: " alice " },
    { type: "save", ticket: "t" },
    { type: "save", ticket: "t" },
    { type: "enroll", ask: 2, answer: { ok: true, result: { account } } },
    { type: "save", ticket: "t" },
  );
  expect(sent).toEqual([{ type: "enroll", ask: 2, ticket: "t", issuer: "A", account: "alice" }]);
  expect(model.offers?.[0]?.saved).toEqual(account);
});

test("what the vault has already is not saved again", () => {
  expect(run(read(offer("t", { have: account })), { type: "save", ticket: "t" }).sent).toEqual([]);
});

test("several are saved side by side, and one that fails says why", () => {
  const { model } = run(
    read(offer("t"), offer("u")),
    { type: "save", ticket: "t" },
    { type: "save", ticket: "u" },
    { type: "enroll", ask: 3, answer: { ok: true, result: { account } } },
    { type: "enroll", ask: 2, answer: { ok: false, problem: "not_valid", message: "the issuer is too long" } },
  );
  expect(model.offers).toMatchObject([
    { trouble: { problem: "not_valid", message: "the issuer is too long" } },
    { saved: account },
  ]);
  expect(run(model, { type: "save", ticket: "t" }).sent).toHaveLength(1);
});

test("which parts of an export were read is known until the next is read", () => {
  const parts = { read: [2], size: 3 };
  const result = { offers: [offer("t")], others: 0, parts };
  const { model } = run(START, { type: "typed", text: "x" }, { type: "text", ask: 1, answer: { ok: true, result } });
  expect(model.parts).toEqual(parts);
  expect(run(model, { type: "typed", text: "y" }).model.parts).toBe(undefined);
});

test("what is typed is sent, and kept nowhere", () => {
  const { model, sent } = run(START, { type: "typed", text: " JBSWY3DPEHPK3PXP " }, { type: "typed", text: "  " });
  expect(sent).toEqual([{ type: "text", ask: 1, text: "JBSWY3DPEHPK3PXP" }]);
  expect(JSON.stringify(model)).not.toContain("JBSWY");
});

test("a picture that the browser cannot read says so, and the answer to an earlier one is dropped", () => {
  const { model, sent } = run(
    START,
    { type: "typed", text: "x" },
    { type: "seen" },
    { type: "text", ask: 1, answer: { ok: true, result: { offers: [offer("t")], others: 0 } } },
  );
  expect(sent).toHaveLength(1);
  expect(model).toEqual({ asked: 2, others: 0, trouble: { problem: "picture_refused" } });
});
