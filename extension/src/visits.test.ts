import { expect, test } from "vitest";
import { makeVisits } from "./visits.ts";

/** The browser's list, with a pattern that it does not take. */
function browser() {
  const list = new Map<string, string>();
  const visits = makeVisits({
    getRegisteredContentScripts: async () => [...list.keys()].map((id) => ({ id })),
    async registerContentScripts(scripts) {
      for (const { id, matches } of scripts) {
        if (matches?.[0]?.includes("_")) throw new Error("invalid pattern");
        list.set(id, matches?.[0] ?? "");
      }
    },
    unregisterContentScripts: async ({ ids }) => ids.forEach((id) => void list.delete(id)),
  });
  return { list, visits };
}

test("a taught site is on the list until what was taught is forgotten", async () => {
  const { list, visits } = browser();
  await visits.taught("https://a.example:8443", true);
  await visits.taught("https://b.example", true);
  expect([...list.values()]).toEqual(["https://a.example/*", "https://b.example/*"]);
  await visits.taught("https://a.example:8443", false);
  expect([...list.values()]).toEqual(["https://b.example/*"]);
});

test("reminders are for the hosts that are wished now and those below, and leave what was taught alone", async () => {
  const { list, visits } = browser();
  await visits.taught("https://a.example", true);
  await visits.remind(["x.example", "bad_host", "y.example"]);
  await visits.remind(["y.example", "127.0.0.1", "router"]);
  const reminders = ["https://*.y.example/*", "https://127.0.0.1/*", "https://router/*"];
  expect([...list.values()]).toEqual(["https://a.example/*", ...reminders]);
  await visits.allTaught(["https://b.example"]);
  expect([...list.values()]).toEqual([...reminders, "https://b.example/*"]);
});
