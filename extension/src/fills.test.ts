import { expect, test, vi } from "vitest";
import { makeFills } from "./fills.ts";
import type { Outcome, Refusal, ToPage } from "./messages.ts";
import type { Host } from "./native.ts";
import type { Filling } from "./offer.ts";
import type { Page, Pages } from "./pages.ts";

/** A fill whose surroundings the test can change at each step. */
function scene({ validFrom = 0, obstacle = undefined as Refusal | undefined } = {}) {
  const sent: ToPage[] = [];
  const asked: string[] = [];
  const page: Page = {
    tab: 1,
    frame: 0,
    document: "D",
    origin: "https://a.example",
    private: false,
    taught: true,
    focused: 0,
    field: { number: 1, kind: "totp" },
    send: (message) => {
      sent.push(message);
      queueMicrotask(() => {
        if (message.type === "fill") fills.heard(page, message.fill, world.outcome);
        if (message.type !== "check") return;
        if (obstacle) fills.heard(page, message.fill, { ok: false, why: obstacle });
        else fills.ready(page, message.fill, 12);
      });
    },
  };
  const world = {
    active: true,
    known: true,
    origin: page.origin,
    on: (_method: string) => {},
    sleeps: (_signal: AbortSignal) => {},
    dialog: false,
    outcome: { ok: true, step: "keys" } as Outcome,
  };
  const pages = {
    has: () => world.known,
    current: async () => world.active,
    context: async () => (world.known ? { origin: world.origin, tab: 1, frame: 0, document: "D" } : undefined),
  } as unknown as Pages;
  const host = {
    async call(method: string) {
      asked.push(method);
      world.on(method);
      const result = {
        "code.release": { code: "123456", validFrom, expiresAt: 0, asked: world.dialog },
        "recovery.next": { code: "aaaa bbbb", left: 2, asked: world.dialog },
        "site.allow": { host: "a.example" },
      }[method];
      return { ok: true, result };
    },
  } as unknown as Host;
  const fills = makeFills(host, pages, { now: () => 0, sleep: async (_ms, signal) => world.sleeps(signal) });
  const abort = new AbortController();
  const waits: number[] = [];
  const agreed = vi.fn();
  const fill = (allow = false, to = page, filling: Filling = "code", submit = false) =>
    fills.fill({
      page: to,
      field: 1,
      filling,
      handle: "h",
      allow,
      submit,
      signal: abort.signal,
      waits: (until) => void waits.push(until),
      asked: agreed,
    });
  return { page, world, fill, fills, abort, sent, asked, waits, agreed };
}

type Scene = ReturnType<typeof scene>;

test("a confirmed code goes to the page, once", async () => {
  const { fill, sent, asked } = scene();
  expect(await fill()).toEqual({ ok: true });
  expect(asked).toEqual(["code.release"]);
  expect(sent).toEqual([
    { type: "fill", fill: 1, field: 1, origin: "https://a.example", code: "123456", submit: false },
  ]);
});

test("the page is told to send the form where the account is set so", async () => {
  const { page, fill, sent } = scene();
  await fill(false, page, "code", true);
  expect(sent).toMatchObject([{ type: "fill", submit: true }]);
});

test("the host is told first that the user agreed", async () => {
  const { fill, asked } = scene();
  await fill(true);
  expect(asked).toEqual(["site.allow", "code.release"]);
});

test("a code for the next period waits for it", async () => {
  const { fill, waits, sent, world } = scene({ validFrom: 2000 });
  world.sleeps = () => expect(sent).toEqual([]);
  expect(await fill()).toEqual({ ok: true });
  expect(waits).toEqual([2000]);
});

test.each([
  [
    "the tab is not the one looked at",
    (s: Scene) => {
      s.world.active = false;
    },
  ],
  [
    "the page is gone",
    (s: Scene) => {
      s.world.known = false;
    },
  ],
  [
    "the field is another one",
    (s: Scene) => {
      s.page.field = { number: 2, kind: "totp" };
    },
  ],
  ["the popup was closed", (s: Scene) => s.abort.abort()],
])("nothing is asked for when %s", async (_name, change) => {
  const s = scene();
  change(s);
  expect((await s.fill()).ok).toBe(false);
  expect(s.asked).toEqual([]);
  expect(s.sent).toEqual([]);
});

test.each([
  [
    "the user switches tabs",
    (s: Scene) => {
      s.world.active = false;
    },
  ],
  [
    "the page moves on",
    (s: Scene) => {
      s.world.known = false;
    },
  ],
  [
    "an ancestor is another one",
    (s: Scene) => {
      s.world.origin = "https://b.example";
    },
  ],
  [
    "the field is replaced",
    (s: Scene) => {
      s.page.field = { number: 2, kind: "totp" };
    },
  ],
  ["the popup is closed", (s: Scene) => s.abort.abort()],
])("a code stays here when, after it was released, %s", async (_name, change) => {
  const during = scene();
  during.world.on = () => change(during);
  expect(await during.fill()).toEqual({ ok: false, problem: "page_gone" });
  expect(during.sent).toEqual([]);
  const waiting = scene({ validFrom: 2000 });
  waiting.world.sleeps = () => change(waiting);
  expect(await waiting.fill()).toEqual({ ok: false, problem: "page_gone" });
  expect(waiting.sent).toEqual([]);
});

test.each(["code", "recovery"] as const)(
  "a yes in a dialog outlives the popup that closes for it: %s",
  async (filling) => {
    const of = scene({ validFrom: 2000 });
    of.world.dialog = true;
    of.world.on = () => of.abort.abort();
    let ended = false;
    of.world.sleeps = (signal) => {
      ended = signal.aborted;
    };
    expect(await of.fill(false, of.page, filling)).toEqual({ ok: true });
    expect(of.agreed).toHaveBeenCalledOnce();
    expect(ended).toBe(false);
    const moved = scene();
    moved.world.dialog = true;
    moved.world.on = () => (moved.world.active = false);
    expect(await moved.fill(false, moved.page, filling)).toMatchObject({ ok: false, problem: "page_gone" });
  },
);

test.each([
  [false, { ok: true }],
  [true, { ok: false, problem: "rejected" }],
])("a page that is gone with the code has filled it, unless it was thrown out: %s", async (thrown, want) => {
  const { page, fills, fill } = scene();
  const leaving = { ...page, send: () => fills.left(leaving, thrown) };
  expect(await fill(false, leaving)).toEqual(want);
});

test("only the page that was sent the code can say how it ended", async () => {
  const { page, fills, fill } = scene();
  const other = { ...page, document: "E" };
  const ended = fill();
  fills.heard(other, 1, { ok: false, why: "covered" });
  expect(await ended).toEqual({ ok: true });
});

const recover = (of: Scene) => of.fill(false, of.page, "recovery");

test("a recovery code is asked for once the page can take it, and goes there", async () => {
  const of = scene();
  expect(await recover(of)).toEqual({ ok: true });
  expect(of.asked).toEqual(["recovery.next"]);
  expect(of.sent.map(({ type }) => type)).toEqual(["check", "fill"]);
});

test("no recovery code is used up where something keeps it out", async () => {
  const of = scene({ obstacle: "covered" });
  expect(await recover(of)).toEqual({ ok: false, problem: "covered" });
  expect(of.asked).toEqual([]);
});

test("a recovery code that did not get into the page is given to the user", async () => {
  const refused = scene();
  refused.world.outcome = { ok: false, why: "rejected" };
  expect(await recover(refused)).toEqual({ ok: false, problem: "rejected", unused: "aaaa bbbb" });
  const left = scene();
  left.world.on = () => (left.world.active = false);
  expect(await recover(left)).toEqual({ ok: false, problem: "page_gone", unused: "aaaa bbbb" });
});
