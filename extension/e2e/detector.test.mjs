import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judgeAll, miss } from "../fixtures/judge.mjs";

const list = join(import.meta.dirname, "../fixtures/known-misses.txt");

/** How plainly a miss would put a code where none belongs. */
const NEVER = /^[^:]+: (recovery-code|none) taken for (totp|otp-any)$/;

test("every page of the fixtures is read right, but for the misses that are listed", { timeout: 600_000 }, async () => {
  const known = readFileSync(list, "utf8").split("\n").filter(Boolean);
  const { pages, units } = await judgeAll();
  expect(pages.length).toBeGreaterThan(250);
  const misses = units.filter(({ answer, said }) => answer !== said).map(miss);
  const without = (/** @type {string[]} */ these, /** @type {string[]} */ those) =>
    these.filter((each) => !those.includes(each));
  expect({ missed: without(misses, known), rightNow: without(known, misses) }).toEqual({ missed: [], rightNow: [] });
  expect(misses.filter((each) => NEVER.test(each)).length).toBeLessThan(units.length / 100);
});
