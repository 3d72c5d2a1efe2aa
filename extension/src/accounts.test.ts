import { expect, test } from "vitest";
import { type Event, type Model, START, update } from "./accounts.ts";
import type { FromOptions, ToOptions } from "./messages.ts";
import type { Account, Detail } from "./protocol.ts";

const account = (handle: string): Account => ({
  handle,
  issuer: `Issuer ${handle}`,
  account: "alice",
  strength: "none",
  type: "totp",
  digits: 6,
  period: 30,
  append: false,
  submit: false,
  ask: false,
  recovery: 0,
});
const detail = (handle: string, more: Partial<Account> = {}, sites = ["https://a.example"]): Detail => ({
  account: { ...account(handle), ...more },
  algorithm: "SHA1",
  sites,
});

/** Runs events, and tells what was asked, and what took the focus last. */
function run(from: Model, ...events: Event[]): { model: Model; sent: FromOptions[]; focus: string | undefined } {
  const sent: FromOptions[] = [];
  let model = from;
  let focus: string | undefined;
  for (const event of events) {
    const next = update(model, event);
    model = next.model;
    if (next.send) sent.push(next.send);
    focus = next.focus ?? focus;
  }
  return { model, sent, focus };
}

const listed = (ask: number, total: number, ...accounts: Detail[]): ToOptions => ({
  type: "list",
  ask,
  answer: { ok: true, result: { accounts, total } },
});
const open = (...accounts: Detail[]) =>
  run(START, { type: "start" }, listed(1, accounts.length, ...accounts), { type: "toggle", handle: "a" }).model;
const edited = (ask: number, result: Detail): ToOptions => ({ type: "edit", ask, answer: { ok: true, result } });
const handles = ({ accounts }: Model) => accounts?.map((each) => each.account.handle);

test("what is listed grows by parts, and an account is listed once", () => {
  const { model, sent } = run(
    START,
    { type: "start" },
    listed(1, 3, detail("a"), detail("b")),
    { type: "more" },
    { type: "more" }, // one part at a time
    listed(2, 3, detail("b"), detail("c")),
    { type: "more" }, // there is no more
  );
  expect(sent.map((each) => each.type === "list" && each.offset)).toEqual([0, 2]);
  expect(handles(model)).toEqual(["a", "b", "c"]);
});

test("an answer to what was typed before is dropped, and the list stays until the right one is there", () => {
  const { model } = run(open(detail("a")), { type: "query", query: "x" }, { type: "query", query: "xy" });
  const late = run(model, listed(2, 1, detail("x")));
  expect(handles(late.model)).toEqual(["a"]);
  expect(handles(run(late.model, listed(3, 1, detail("y"))).model)).toEqual(["y"]);
});

test("names are kept together, and without what is around them", () => {
  const before = open(detail("a"), detail("b"));
  const { model, sent } = run(
    before,
    { type: "rename" }, // nothing was changed
    { type: "draft", field: "issuer", value: " New " },
    { type: "rename" },
    edited(2, detail("a", { issuer: "New" })),
  );
  expect(sent).toEqual([
    {
      type: "edit",
      ask: 2,
      edit: {
        handle: "a",
        issuer: "New",
        account: "alice",
        sites: ["https://a.example"],
        append: false,
        submit: false,
        ask: false,
      },
    },
  ]);
  expect(model.accounts?.[0]?.account.issuer).toBe("New");
  expect(model.open).toMatchObject({ issuer: "New", saved: "names" });
});

test("a site that the host refuses stays typed, with the reason", () => {
  const message = '"a b" is no host';
  const typed = run(open(detail("a")), { type: "draft", field: "site", value: "a b" }, { type: "add site" });
  expect(typed.sent[0]).toMatchObject({ edit: { sites: ["https://a.example", "a b"] } });
  const answer = { ok: false, problem: "not_valid", message } as const;
  const { model } = run(typed.model, { type: "edit", ask: 2, answer });
  expect(model.open).toMatchObject({ site: "a b", trouble: { change: "site", problem: "not_valid", message } });
  const fine = run(model, { type: "draft", field: "site", value: "b.example" }, { type: "add site" });
  expect(fine.model.open?.trouble).toBeUndefined();
  const kept = run(fine.model, edited(3, detail("a", {}, ["https://a.example", "https://b.example"])));
  expect(kept.model.open).toMatchObject({ site: "", saved: "site" });
});

test("taking away a site keeps another that is being typed", () => {
  const { model, sent } = run(
    open(detail("a")),
    { type: "draft", field: "site", value: "b.ex" },
    { type: "drop site", site: "https://a.example" },
    edited(2, detail("a", {}, [])),
  );
  expect(sent[0]).toMatchObject({ edit: { sites: [] } });
  expect(model.open?.site).toBe("b.ex");
});

test.each([
  ["turned on", false, false],
  ["taken back", true, true],
])("when asking is %s, the dialog is told of as it should be", (_name, was, dialog) => {
  const { model, sent } = run(open(detail("a", { ask: was })), { type: "set", flag: "ask", on: !was });
  expect(sent[0]).toMatchObject({ edit: { ask: !was } });
  expect(model.open?.busy?.dialog).toBe(dialog);
});

test("one change at a time", () => {
  const { sent } = run(
    open(detail("a"), detail("b")),
    { type: "set", flag: "submit", on: true },
    { type: "set", flag: "append", on: true },
    { type: "toggle", handle: "b" },
    { type: "take away" },
  );
  expect(sent).toHaveLength(1);
});

test("what was removed can be brought back to its place", () => {
  const removed = run(
    open(detail("b"), detail("a"), detail("c")),
    { type: "take away" },
    { type: "remove", ask: 2, answer: { ok: true, result: { handle: "gone" } } },
  );
  expect(handles(removed.model)).toEqual(["b", "c"]);
  expect(removed.model.gone).toMatchObject([{ handle: "gone", account: { issuer: "Issuer a" } }]);
  expect(removed.focus).toBe("undo gone");
  const back = run(
    removed.model,
    { type: "undo", handle: "gone" },
    { type: "restore", ask: 3, answer: { ok: true, result: detail("a2") } },
  );
  expect(back.sent).toEqual([{ type: "restore", ask: 3, handle: "gone" }]);
  expect(handles(back.model)).toEqual(["b", "a2", "c"]);
  expect(back.model).toMatchObject({ gone: [], total: 3 });
  expect(back.focus).toBe("row a2");
});

test("a removed account that does not come back says why, until it is dismissed", () => {
  const { model } = run(
    open(detail("a")),
    { type: "take away" },
    { type: "remove", ask: 2, answer: { ok: true, result: { handle: "gone" } } },
    { type: "undo", handle: "gone" },
    { type: "restore", ask: 3, answer: { ok: false, problem: "unknown_handle" } },
  );
  expect(model.gone[0]?.trouble).toEqual({ problem: "unknown_handle" });
  expect(run(model, { type: "dismiss", handle: "gone" }).model.gone).toEqual([]);
});

test("a host that was restarted knows no handle: all is listed anew", () => {
  const { model, sent } = run(
    open(detail("a")),
    { type: "set", flag: "submit", on: true },
    { type: "edit", ask: 2, answer: { ok: false, problem: "unknown_handle" } },
  );
  expect(sent[1]).toMatchObject({ type: "list", offset: 0 });
  expect(model).toMatchObject({ restarted: true });
  expect(model.open).toBeUndefined();
});

test("a vault that is locked meanwhile shuts everything, and opens it again", () => {
  const shut = run(
    open(detail("a")),
    { type: "draft", field: "site", value: "b.example" },
    { type: "add site" },
    { type: "edit", ask: 2, answer: { ok: false, problem: "vault_locked" } },
  ).model;
  expect(shut.closed).toEqual({ problem: "vault_locked" });
  expect(shut.open?.busy).toBeUndefined();
  const asked = run(shut, { type: "ask unlock" }, { type: "ask unlock" });
  expect(asked.sent).toEqual([{ type: "unlock", ask: 3 }]);
  const failed = { type: "unlock", ask: 3, answer: { ok: false, problem: "unlock_failed" } } as const;
  expect(run(asked.model, failed).model).toMatchObject({ unlocking: false, closed: { problem: "unlock_failed" } });
  const opened = run(asked.model, { type: "unlock", ask: 3, answer: { ok: true, result: { vault: "open" } } });
  expect(opened.sent).toMatchObject([{ type: "list", offset: 0 }]);
  expect(run(opened.model, listed(4, 1, detail("a"))).model.closed).toBeUndefined();
});

test("a full disk is told where it was met", () => {
  const { model } = run(
    open(detail("a")),
    { type: "set", flag: "submit", on: true },
    { type: "edit", ask: 2, answer: { ok: false, problem: "vault_storage" } },
  );
  expect(model.closed).toBeUndefined();
  expect(model.open?.trouble).toEqual({ change: "submit", problem: "vault_storage" });
});

test("an account that was just added is found and opened", () => {
  const { model, sent } = run(open(detail("a")), { type: "show", account: account("n") });
  expect(sent).toMatchObject([{ type: "list", query: "Issuer n alice", offset: 0 }]);
  expect(run(model, listed(2, 1, detail("n"))).model.open?.handle).toBe("n");
});
