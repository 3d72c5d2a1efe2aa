import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { codesOf, type Enroll, makeEnroll, masked, partOf } from "./enroll.ts";
import type { Host } from "./native.ts";
import type { Page, Pages } from "./pages.ts";
import { around } from "./pictures.ts";
import type { Account } from "./protocol.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const account = { handle: "h" } as Account;

/** A tab whose pages, address and host are played by the test. */
function world() {
  const page = (field?: Page["field"], origin = "https://a.example"): Page => ({
    tab: 1,
    frame: 0,
    document: "d",
    origin,
    private: false,
    taught: false,
    focused: 0,
    send: () => undefined,
    ...(field && { field }),
  });
  const shown = new Set<Page>();
  const tab = {
    origin: "https://a.example" as string | undefined,
    part: undefined as unknown,
    marks: 0,
    locked: false,
  };
  const asked: [string, unknown][] = [];
  const host = {
    call: async (method: string, params: unknown) => {
      asked.push([method, params]);
      if (tab.locked) return { ok: false, problem: "vault_locked" };
      return { ok: true, result: { offers: [], others: 0 } };
    },
  } as unknown as Host;
  const pages = {
    has: (each: Page) => shown.has(each),
    shown: async () => [...shown],
    survey: async () => undefined,
  } as unknown as Pages;
  const enroll = makeEnroll(host, pages, {
    capture: async (_, part) => (part ? "part" : "all"),
    select: async () => tab.part,
    sheet: async () => ({ selected: [], listed: ["aaaa-1111", "bbbb-2222"] }),
    shows: async () => tab.origin,
    mark: () => void tab.marks++,
    now: () => Date.now(),
    later(ms, act) {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
  });
  const field = { number: 1, kind: "enroll" } as const;
  const first = page(field);
  shown.add(first);
  return { page, shown, tab, asked, enroll, first };
}

const rest = () => vi.advanceTimersByTimeAsync(2100);

test("a page without its field, two seconds later, took the code", async () => {
  const { enroll, first, tab } = world();
  enroll.filled(first, 1, account);
  await rest();
  expect(enroll.enrolled(1, first)).toBeUndefined();
  delete first.field;
  enroll.heard(first);
  await rest();
  expect(enroll.enrolled(1, first)).toEqual({ account, accepted: true });
  expect(enroll.tells(1)).toBe(true);
  expect(tab.marks).toBeGreaterThan(0);
  enroll.forget(1);
  expect(enroll.tells(1)).toBe(false);
});

test("a page that asks again did not", async () => {
  const { enroll, first, shown, page } = world();
  enroll.filled(first, 1, account);
  shown.delete(first);
  enroll.heard(first);
  await vi.advanceTimersByTimeAsync(1500);
  const second = page({ number: 1, kind: "enroll" });
  shown.add(second);
  enroll.heard(second);
  await rest();
  expect(enroll.enrolled(1, second)).toEqual({ account, accepted: false });
  expect(enroll.tells(1)).toBe(false);
});

test("a page that tells of its field again and again is looked at all the same", async () => {
  const { enroll, first, shown, page } = world();
  enroll.filled(first, 1, account);
  shown.delete(first);
  const second = page({ number: 1, kind: "enroll" });
  shown.add(second);
  for (let i = 0; i < 6; i++) {
    enroll.heard(second);
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(enroll.enrolled(1, second)).toEqual({ account, accepted: false });
});

test("a field that stays says nothing yet", async () => {
  const { enroll, first } = world();
  enroll.filled(first, 1, account);
  enroll.heard(first);
  await rest();
  expect(enroll.enrolled(1, first)).toBeUndefined();
});

test("a page that is still loading is waited for, and another site says nothing", async () => {
  const { enroll, first, shown, tab, page } = world();
  enroll.filled(first, 1, account);
  shown.delete(first);
  tab.origin = undefined;
  enroll.heard(first);
  await rest();
  tab.origin = "https://b.example";
  await rest();
  tab.origin = "https://a.example";
  await rest();
  expect(enroll.enrolled(1, page())).toBeUndefined();
});

test("a form that was sent with the code is watched as well", async () => {
  const { enroll, first, shown, page } = world();
  shown.delete(first);
  enroll.filled(first, 1, account);
  await rest();
  expect(enroll.enrolled(1, page())).toEqual({ account, accepted: true });
  expect(enroll.enrolled(1, page(undefined, "https://b.example"))).toBeUndefined();
});

test("what was read for a tab is told once, and not for ever", async () => {
  const { enroll, tab } = world();
  tab.part = { x: 1, y: 1, width: 100, height: 100, dpr: 2 };
  expect(await enroll.fromPart(1)).toBe(true);
  expect(enroll.tells(1)).toBe(true);
  expect(await enroll.take(1)).toMatchObject({ ok: true });
  expect(await enroll.take(1)).toBeUndefined();
  enroll.offered(1, { ok: false, problem: "no_qr" });
  vi.advanceTimersByTime(11 * 60_000);
  expect(enroll.tells(1)).toBe(false);
  expect(await enroll.take(1)).toBeUndefined();
});

test.each<[string, (enroll: Enroll) => Promise<unknown>, string]>([
  ["the page", (enroll) => enroll.fromPage(1), "qr.read"],
  ["a part of it", (enroll) => enroll.fromPart(1), "qr.read"],
  ["a picture", (enroll) => enroll.fromPicture(1, "aGk="), "qr.read"],
  ["a link", async (enroll) => enroll.offered(1, await enroll.fromText(1, "otpauth:")), "uri.read"],
])("a locked vault: %s is read again once it is open, and then forgotten", async (_name, give, method) => {
  const { enroll, tab, asked } = world();
  tab.part = { x: 1, y: 1, width: 100, height: 100, dpr: 2 };
  tab.locked = true;
  await give(enroll);
  expect(enroll.tells(1)).toBe(true);
  expect(await enroll.take(1)).toMatchObject({ ok: false, problem: "vault_locked" });
  tab.locked = false;
  expect(await enroll.take(1)).toMatchObject({ ok: true });
  expect(asked.map(([each]) => each)).toEqual([method, method, method]);
  expect(asked[2]).toEqual(asked[0]);
  expect(await enroll.take(1)).toBeUndefined();
});

test("what waits for the vault is replaced by what is read later, and forgotten in time", async () => {
  const { enroll, tab } = world();
  tab.locked = true;
  await enroll.fromText(1, "otpauth:a");
  vi.advanceTimersByTime(11 * 60_000);
  expect(enroll.tells(1)).toBe(false);
  await enroll.fromText(1, "otpauth:b");
  tab.locked = false;
  await enroll.fromText(1, "otpauth:c");
  expect(enroll.tells(1)).toBe(false);
});

test("nothing is captured where no part was marked", async () => {
  const { enroll, asked } = world();
  expect(await enroll.fromPart(1)).toBe(false);
  expect(asked).toEqual([]);
});

test.each([
  ["nothing", undefined],
  ["a tiny part", { x: 0, y: 0, width: 3, height: 3, dpr: 1 }],
  ["text", { x: "0", y: 0, width: 30, height: 30, dpr: 1 }],
  ["no bound", { x: 0, y: 0, width: Number.POSITIVE_INFINITY, height: 30, dpr: 1 }],
])("%s is no part of a page", (_name, part) => {
  expect(partOf(part)).toBeUndefined();
});

test("a part comes with its margin, and stays in the picture", () => {
  const picture = { width: 1000, height: 800 };
  expect(around({ x: 100, y: 100, width: 50, height: 60, dpr: 2 }, picture)).toEqual({
    x: 176,
    y: 176,
    width: 148,
    height: 168,
  });
  expect(around({ x: 2, y: -5, width: 9000, height: 50, dpr: 1 }, picture)).toEqual({
    x: 0,
    y: 0,
    width: 1000,
    height: 57,
  });
});

test.each([
  ["what is selected goes first", { selected: ["a1"], listed: ["b1"] }, ["a1"]],
  ["else the list", { selected: [], listed: ["b1", "b2", "b1"] }, ["b1", "b2"]],
  ["no code", { selected: ["", "x".repeat(65), "ü", 7, "a\nb"], listed: [] }, []],
  ["nothing", undefined, []],
])("recovery codes: %s", (_name, found, codes) => {
  expect(codesOf(found)).toEqual(codes);
});

test("no recovery code is shown in full", () => {
  expect(masked(["abcd-1234", "wxyz 9876"])).toEqual({ count: 2, first: "ab••-••••", last: "wx•• ••••" });
  expect(masked([])).toEqual({ count: 0, first: "", last: "" });
});
