import { expect, test } from "vitest";
import { expectAccepted, fieldValue, fillByPopup, inBrowsers } from "./harness.mjs";
import { clickConfirm } from "./popup.mjs";
import { until } from "./until.mjs";

inBrowsers(
  "filling",
  {
    ada: { sites: ["localhost"] },
    grace: { sites: ["boxes.example"] },
    edith: { sites: ["late.example"] },
    joan: { sites: ["hidden.example"] },
  },
  (world) => {
    test("one input: Enter in the popup fills it, and the server accepts the code", async () => {
      const { browser, site, accounts, open } = world;
      const page = await open("/login");
      await page.type("#user", "ada");
      await page.type("#password", accounts.ada.password);
      await Promise.all([page.waitForNavigation(), page.click("button")]);
      await fillByPopup(browser);
      const code = await until("code in the field", () => fieldValue(page));
      expect([0, 1].map((next) => site.code(accounts.ada, Date.now() + next * 30_000))).toContain(code);
      await expectAccepted(world, "ada");
    });

    test("six boxes: a click in the popup fills each with its digit", async () => {
      const { browser, open } = world;
      const page = await open("https://boxes.example/code/six?user=grace");
      await browser.clickIcon();
      await clickConfirm(await browser.popup());
      const boxes = () => page.$$eval(".boxes input", (all) => all.map((box) => box.value));
      await until("six digits", async () => (await boxes()).every((digit) => /^\d$/.test(digit)));
      expect(await fieldValue(page, "input[name=code]")).toBe((await boxes()).join(""));
      await expectAccepted(world, "grace");
    });

    test("a dialog that appears late: the field in it is filled", async () => {
      const { browser, open } = world;
      const page = await open("https://late.example/code/dialog?user=edith");
      await page.waitForSelector("#code", { visible: true });
      await fillByPopup(browser);
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "edith");
    });

    test("a field that nobody sees gets nothing, the one beside it the code", async () => {
      const { browser, open } = world;
      const page = await open("https://hidden.example/code/hidden?user=joan");
      await fillByPopup(browser);
      await until("code in the field", () => fieldValue(page));
      expect(await fieldValue(page, "#trap")).toBe("");
      await expectAccepted(world, "joan");
    });
  },
);
