import { expect, test } from "vitest";
import { expectAccepted, fieldValue, fillByPopup, inBrowsers } from "./harness.mjs";
import { confirm, says, selected, words } from "./popup.mjs";
import { until } from "./until.mjs";

inBrowsers(
  "accounts",
  {
    ada: { sites: ["two.example"] },
    bella: { sites: ["two.example"] },
    carol: { sites: ["login.shop.example"] },
    dora: { sites: ["counter.example"], type: "hotp" },
  },
  (world) => {
    test("of two accounts of a site, the arrow keys choose which one fills", async () => {
      const { browser, open } = world;
      // The server takes only the code of the account that the list does not start with.
      await open("https://two.example/code/one?user=ada");
      await browser.clickIcon();
      const before = await browser.popup();
      await says(before, "Which account for");
      const first = await selected(before);
      await before.close();

      const user = first?.includes("ada") ? "bella" : "ada";
      const page = await open(`https://two.example/code/one?user=${user}`);
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "Which account for");
      await popup.press("ArrowDown");
      await until("second account selected", async () => (await selected(popup))?.includes(user));
      await confirm(popup);
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, user);
    });

    test("first use on another host of the site: asks, names both hosts, fills, and does not ask again", async () => {
      const { browser, open, vault } = world;
      const page = await open("https://app.shop.example/code/one?user=carol");
      await browser.clickIcon();
      const popup = await browser.popup();
      await confirm(popup);
      await says(popup, "on app.shop.example?");
      expect(await words(popup)).toContain("login.shop.example");
      expect(await fieldValue(page)).toBe("");
      await confirm(popup, "Use it here");
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "carol");

      const sites = (await vault.list()).find(({ account }) => account === "carol")?.sites;
      expect(sites).toEqual(expect.arrayContaining(["https://login.shop.example", "https://app.shop.example"]));
      await open("https://app.shop.example/code/one?user=carol");
      await browser.clickIcon();
      const again = await browser.popup();
      await says(again, "Fill code on");
      expect(await words(again)).not.toContain("new here");
    });

    test("HOTP: the raised counter is on disk before the code is used, and no value comes twice", async () => {
      const { browser, open, vault, site, accounts } = world;
      for (const counter of [0, 1]) {
        const want = site.code(accounts.dora, 0);
        const page = await open("https://counter.example/code/one?user=dora");
        await fillByPopup(browser);
        await until("code in the field", () => fieldValue(page));
        expect(await fieldValue(page)).toBe(want);
        const stored = (await vault.list()).find(({ account }) => account === "dora");
        expect(stored).toMatchObject({ counter: counter + 1 });
        await expectAccepted(world, "dora");
      }
    });
  },
);
