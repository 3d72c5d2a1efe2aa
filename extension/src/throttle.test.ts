import { expect, test } from "vitest";
import { bucket, throttle } from "./throttle.ts";

test("one act a key in each span", () => {
  let now = 1000;
  const opening = throttle(10_000, () => now);
  const at = (ms: number, key = 1) => {
    now = ms;
    return opening.pass(key);
  };
  expect([at(1000), at(1001), at(10_999), at(11_000), at(11_001)]).toEqual([true, false, false, true, false]);
  expect(at(11_001, 2)).toBe(true);
});

test("200 clicks a second for a minute open the popup six times", () => {
  let now = 0;
  const opening = throttle(10_000, () => now);
  let opened = 0;
  for (; now < 60_000; now += 5) if (opening.pass(7)) opened++;
  expect(opened).toBe(6);
});

test("a burst is let through, then one each span", () => {
  let now = 0;
  const talk = bucket(3, 100, () => now);
  const burst = () => [1, 2, 3, 4, 5].filter(() => talk.pass(1)).length;
  expect(burst()).toBe(3);
  now = 250;
  expect(burst()).toBe(2);
  now = 10_000;
  expect(burst()).toBe(3);
});

test("a clock that goes back grants nothing", () => {
  let now = 50_000;
  const opening = throttle(10_000, () => now);
  expect(opening.pass(1)).toBe(true);
  now = 10;
  expect(opening.pass(1)).toBe(false);
});
