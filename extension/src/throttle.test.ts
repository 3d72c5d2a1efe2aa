import { afterEach, expect, test, vi } from "vitest";
import { bucket, pace, throttle } from "./throttle.ts";

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

test("a clock that goes back grants nothing, and holds nothing up for longer", () => {
  let now = 50_000;
  const opening = throttle(10_000, () => now);
  expect(opening.pass(1)).toBe(true);
  now = 10;
  expect(opening.pass(1)).toBe(false);
  now = 10_010;
  expect(opening.pass(1)).toBe(true);
});

/** Asks for a look at each of these times (ms); each look takes cost. Gives the times of the looks up to the end. */
function looks(asked: Iterable<number>, end: number, { cost = 1, urgent = false } = {}): number[] {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const seen: number[] = [];
  const start = Date.now();
  let busy = 0; // the fake clock stands still within a timer
  const at = () => Date.now() - start + busy;
  vi.spyOn(performance, "now").mockImplementation(at);
  const { soon } = pace(
    () => {
      seen.push(Math.round(at()));
      busy += cost;
    },
    1 / 100,
    3,
    500,
  );
  for (const time of asked) {
    vi.advanceTimersByTime(Math.max(0, time - at()));
    soon(urgent);
  }
  vi.advanceTimersByTime(Math.max(0, end - at()));
  return seen;
}
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});
function* every(ms: number, end: number) {
  for (let at = 0; at < end; at += ms) yield at;
}

test("a look comes at once after a rest", () => {
  expect(looks([100, 5000], 6000, { cost: 0 })).toEqual([100, 5000]);
});

test("under lasting change looks keep to their share of the time, after a first burst", () => {
  const seen = looks(every(10, 10_000), 10_000);
  expect(seen.slice(0, 3).at(-1)).toBeLessThan(150);
  expect(seen.length).toBeLessThan(3 + 100 + 2);
  expect(seen.length).toBeGreaterThan(80);
});

test("a look that seemed to take for ever does not hold up the next for long", () => {
  const [first = 0, second = 0] = looks(every(10, 20_000), 20_000, { cost: 5000 });
  expect(second - first - 5000).toBeLessThanOrEqual(500);
});

test("an urgent look does not wait for its share", () => {
  const seen = looks(every(10, 1000), 1000, { cost: 20, urgent: true });
  expect(seen.length).toBeGreaterThan(10);
});
