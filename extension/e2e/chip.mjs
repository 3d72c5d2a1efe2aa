// The chip, as a page has it: the one element of ours in there.

import { until } from "./until.mjs";

/** Waits for the chip, and says where its middle is. @param {import("puppeteer-core").Page} page */
export const chip = (page) =>
  until("chip at the field", () =>
    page.evaluate(() => {
      const box = document.querySelector("[popover=manual]")?.getBoundingClientRect();
      return box?.width ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : undefined;
    }),
  );
