import { expect, test } from "vitest";
import { inBrowsers } from "./harness.mjs";
import { act, begin, host, scenes } from "./scenes.mjs";

inBrowsers("a page that changes", { ada: { sites: [host] } }, (world) => {
  for (const [scene, [before, after]] of Object.entries(scenes))
    test(`${scene}: ${after ? "an offer" : "no offer"} then`, async () => {
      const { page } = world.browser;
      await begin(page, scene);
      if (!before) expect(await page.$("[popover=manual]")).toBeNull();
      const { bare } = await act(page, scene);
      if (before && after) expect(bare).toBe(0); // the chip moved on without a frame between
    });
});
