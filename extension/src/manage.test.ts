import { expect, test } from "vitest";
import { manage } from "./manage.ts";
import type { FromOptions, ToOptions } from "./messages.ts";
import type { Host } from "./native.ts";

/** An options page at one end, a host that says what it was asked at the other. */
function start() {
  const asked: [string, unknown][] = [];
  const sent: ToOptions[] = [];
  const told: string[] = [];
  const says: ((message: unknown) => void)[] = [];
  const leaves: (() => void)[] = [];
  const host: Host = {
    async call(method, params) {
      asked.push([method, params]);
      return { ok: false, problem: "vault_locked" };
    },
  };
  manage(
    {
      postMessage: (message) => void sent.push(message),
      onMessage: { addListener: (listener) => void says.push(listener) },
      onDisconnect: { addListener: (listener) => void leaves.push(listener) },
    },
    {
      host,
      unlocked: async (ok) => void told.push(`unlocked ${ok}`),
      pin: async (key) => void told.push(`trusts ${key}`),
      services: async () => void told.push("services"),
    },
  );
  const hears = async (message: unknown) => {
    for (const each of says) each(message);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { asked, sent, told, hears, leave: () => leaves.forEach((each) => each()) };
}

const edit = { handle: "h", issuer: "A", account: "a", sites: ["a.example"], append: false, submit: true, ask: false };

test.each<[FromOptions, string, unknown]>([
  [{ type: "services", ask: 1 }, "services.list", undefined],
  [{ type: "unlock", ask: 2 }, "vault.unlock", undefined],
  [{ type: "list", ask: 3, query: "a", offset: 50 }, "accounts.list", { query: "a", offset: 50, limit: 50 }],
  [{ type: "log", ask: 3, offset: 100 }, "log.list", { offset: 100, limit: 100 }],
  [{ type: "devices", ask: 3 }, "sync.status", undefined],
  [{ type: "edit", ask: 4, edit }, "account.edit", edit],
  [{ type: "remove", ask: 5, handle: "h" }, "account.remove", { handle: "h" }],
  [{ type: "restore", ask: 6, handle: "h" }, "account.restore", { handle: "h" }],
  [{ type: "picture", ask: 7, picture: "AAAA" }, "qr.read", { picture: "AAAA" }],
  [{ type: "text", ask: 8, text: "x" }, "uri.read", { text: "x" }],
  // Without a context: what is added here is bound to no site.
  [
    { type: "enroll", ask: 9, ticket: "t", issuer: "A", account: "a" },
    "account.enroll",
    { ticket: "t", issuer: "A", account: "a" },
  ],
])("%j is one request, and has one answer", async (message, method, params) => {
  const { asked, sent, hears } = start();
  await hears(message);
  expect(asked).toEqual([[method, params]]);
  expect(sent).toEqual([{ type: message.type, ask: message.ask, answer: { ok: false, problem: "vault_locked" } }]);
});

test("nothing else reaches the host", async () => {
  const { asked, sent, hears } = start();
  await hears({ type: "code", ask: 1, handle: "h", purpose: "show" });
  await hears({ type: "edit", ask: 1, edit: { ...edit, secret: "x", submit: 1 } });
  expect([asked, sent]).toEqual([[], []]);
});

test("the pages are told that the vault may be open; a page that is gone gets no answer", async () => {
  const { sent, told, hears, leave } = start();
  leave();
  await hears({ type: "unlock", ask: 1 });
  expect(told).toEqual(["unlocked false"]);
  expect(sent).toEqual([]);
});

test("N11 a host is trusted by its key, which is asked of nobody", async () => {
  const { asked, sent, told, hears } = start();
  await hears({ type: "pin", ask: 1, key: "K" });
  await hears({ type: "pin", ask: 2, key: 1 });
  expect(told).toEqual(["trusts K"]);
  expect(sent).toEqual([{ type: "pin", ask: 1 }]);
  expect(asked).toEqual([]);
});
