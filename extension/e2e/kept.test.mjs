import { expect, test } from "vitest";
import { expectAccepted, fieldValue, fillByPopup, inBrowsers } from "./harness.mjs";
import { armed, says } from "./popup.mjs";
import { hold, until } from "./until.mjs";

inBrowsers(
  "a page that the browser keeps for the way back",
  {
    ada: { sites: ["kept.example"] },
    bella: { sites: ["login.vouch.example"] },
  },
  (world) => {
    /** Opens a page with a field, has the extension know it, and leaves it for another. @param {string} url @param {string} to */
    async function leave(url, to) {
      const { browser, open } = world;
      const page = await open(url);
      await page.evaluate(() => {
        addEventListener("pageshow", ({ persisted }) => persisted && document.body.setAttribute("data-kept", ""));
      });
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "Fill code on");
      await popup.close();
      await open(to);
      return page;
    }

    test("another page in its place is the one that the popup is about", async () => {
      const { browser } = world;
      await leave("https://kept.example/code/one?user=ada&keep", "https://bare.example/code/none?user=ada&keep");
      await browser.clickIcon();
      await says(await browser.popup(), "bare.example");
    });

    test("it does not vouch for a page of another site in its place", async () => {
      const { browser } = world;
      const src = "https://login.vouch.example/code/one?user=bella";
      const around = `https://evil.example/frame?src=${encodeURIComponent(src)}`;
      const page = await leave("https://login.vouch.example/code/one?user=bella&keep", around);
      const inner = await until("field in the frame", async () => {
        const frame = page.frames()[1];
        return (await frame?.$("#code")) && frame;
      });
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "in a frame of another site");
      expect(await armed(popup, "Fill")).toBe(false);
      await popup.press("Enter");
      await hold("empty field", 1000, async () => (await fieldValue(inner)) === "");
    });

    test("shown again, it is filled, and its server accepts the code", async () => {
      const { browser } = world;
      const to = "https://kept.example/code/none?user=ada&keep";
      const page = await leave("https://kept.example/code/one?user=ada&keep", to);
      await page.evaluate(() => history.back());
      await page.waitForSelector("body[data-kept] #code");
      await fillByPopup(browser);
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "ada");
    });
  },
);
