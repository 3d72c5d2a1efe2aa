// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";
import { clearFrom, makeCopied } from "./clipboard.ts";

/** A clock and a vault that the test moves; cleared: what was to be taken out. */
function scene() {
  const world = { ms: 0, open: true, cleared: [] as string[], each: () => {} };
  const copied = makeCopied({
    now: () => world.ms,
    sleep: async (ms) => {
      world.ms += ms;
      world.each();
    },
    open: async () => world.open,
    clear: async (text) => void world.cleared.push(text),
  });
  return { world, copied };
}

test("U11 a copied code is taken out after half a minute", async () => {
  const { world, copied } = scene();
  world.each = () => expect(world.ms < 30_000 ? world.cleared : []).toEqual([]);
  await copied("123456");
  expect([world.ms, world.cleared]).toEqual([30_000, ["123456"]]);
});

test("U11 it is taken out at once when the vault is locked", async () => {
  const { world, copied } = scene();
  world.each = () => (world.open = world.ms < 3000);
  await copied("123456");
  expect([world.ms, world.cleared]).toEqual([3000, ["123456"]]);
});

test("U11 a code that is copied later has its own half minute", async () => {
  const { world, copied } = scene();
  let second: Promise<void> | undefined;
  world.each = () => {
    if (world.ms === 10_000) second = copied("654321");
  };
  await copied("123456");
  await second;
  expect(world.cleared).toEqual(["654321"]);
});

test.each([
  ["123456", ""],
  ["what the user copied since", undefined],
])("U11 the clipboard is emptied only where it holds the code: %s", (held, left) => {
  const set = vi.fn();
  document.execCommand = (command) => {
    const at = document.activeElement;
    if (command === "paste" && at instanceof HTMLTextAreaElement) at.value = held;
    const event = Object.assign(new Event(command), { clipboardData: { setData: set } });
    return document.dispatchEvent(event);
  };
  clearFrom(document, "123456");
  expect(set.mock.calls.at(-1)?.[1]).toBe(left);
  expect(document.querySelector("textarea")).toBeNull();
});
