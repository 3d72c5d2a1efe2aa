import { expect, test } from "vitest";
import { expectAccepted, fieldValue, inBrowsers } from "./harness.mjs";
import { says } from "./popup.mjs";
import { hold, until } from "./until.mjs";

inBrowsers(
  "without the popup",
  {
    ada: { sites: ["command.example"] },
    bella: { sites: ["several.example"] },
    carol: { sites: ["several.example"] },
    dora: { sites: ["menu.example"] },
  },
  (world) => {
    test("Alt+Shift+O with one bound account fills at once", async () => {
      const { browser, open } = world;
      const page = await open("https://command.example/code/one?user=ada");
      await browser.pressShortcut();
      await until("code in the field", () => fieldValue(page));
      expect(await browser.openedPopup()).toBeUndefined();
      await expectAccepted(world, "ada");
    });

    test("Alt+Shift+O with several opens the popup and fills nothing yet", async () => {
      const { browser, open } = world;
      const page = await open("https://several.example/code/one?user=bella");
      await browser.pressShortcut();
      await says(await browser.popup(), "Which account for");
      await hold("empty field", 500, async () => (await fieldValue(page)) === "");
    });

    test("the item in the menu of a right click with one bound account fills at once", async () => {
      const { browser, open } = world;
      const page = await open("https://menu.example/code/one?user=dora");
      await browser.chooseMenuItem("#code");
      await until("code in the field", () => fieldValue(page));
      expect(await browser.openedPopup()).toBeUndefined();
      await expectAccepted(world, "dora");
    });
  },
  { headless: false },
);
