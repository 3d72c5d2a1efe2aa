import { afterAll, beforeAll, expect, test } from "vitest";
import { startSite } from "./site.mjs";

/** @type {import("./site.mjs").Site} */
let site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site.close());

/** @param {string} path @param {Record<string, string>} fields */
const post = (path, fields) =>
  fetch(site.origin + path, { method: "POST", redirect: "manual", body: new URLSearchParams(fields) });

/** A session at the second step. @param {string} user */
async function session(user) {
  const page = await (await fetch(`${site.origin}/code?user=${user}`)).text();
  return /name="session" value="(\w+)"/.exec(page)?.[1] ?? "";
}

test("the password comes first", async () => {
  const ada = site.enroll("ada");
  expect((await post("/login", { user: "ada", password: "wrong" })).status).toBe(403);
  expect((await fetch(`${site.origin}/code`, { redirect: "manual" })).headers.get("location")).toBe("/login");
  const entered = await post("/login", { user: "ada", password: ada.password });
  expect(entered.headers.get("location")).toBe("/code");
});

test("a code is good for one step before and after its own, and once", async () => {
  const bob = site.enroll("bob", { period: 3600 });
  const id = await session("bob");
  const now = Date.now();
  for (const [steps, status] of [
    [-2, 403],
    [2, 403],
    [-1, 200],
    [-1, 403],
    [1, 200],
    [0, 403], // older than the last one that was good
  ]) {
    expect((await post("/check", { session: id, code: site.code(bob, now + steps * 3_600_000) })).status).toBe(status);
  }
  expect(site.attempts.filter(({ user, accepted }) => user === "bob" && accepted)).toHaveLength(2);
});

test("a HOTP counter only moves forward", async () => {
  const eve = site.enroll("eve", { type: "hotp" });
  const id = await session("eve");
  const first = site.code(eve, 0);
  expect((await post("/check", { session: id, code: first })).status).toBe(200);
  expect((await post("/check", { session: id, code: first })).status).toBe(403);
  expect(eve.next).toBe(1);
});
