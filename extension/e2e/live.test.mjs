import { expect, test } from "vitest";
import { inBrowsers } from "./harness.mjs";
import { act, begin, host, scenes } from "./scenes.mjs";

inBrowsers("a page that changes", { ada: { sites: [host] } }, (world) => {
  test.each(
    Object.entries(scenes).map(([scene, [before, after]]) => ({ scene, before, after, end: after ? "offer" : "none" })),
  )("$scene: $end", async ({ scene, before, after }) => {
    const { page } = world.browser;
    await begin(page, scene);
    if (!before) expect(await page.$("[popover=manual]")).toBeNull();
    const { bare } = await act(page, scene);
    if (before && after) expect(bare).toBe(0); // the chip moved on without a frame between
  });
});
