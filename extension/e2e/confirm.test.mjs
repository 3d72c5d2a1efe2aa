import { expect, test } from "vitest";
import { chip } from "./chip.mjs";
import { expectAccepted, fieldValue, inBrowsers } from "./harness.mjs";
import { armed, clickConfirm, confirm, says, words } from "./popup.mjs";
import { hold, until } from "./until.mjs";

inBrowsers(
  "no code without confirming",
  {
    ada: { sites: ["confirm.example"] },
    bella: { sites: ["leaving.example"] },
    carol: { sites: ["sms.example"] },
    dora: { sites: ["trap.example"] },
  },
  (world) => {
    const empty = (/** @type {import("puppeteer-core").Page} */ page) =>
      hold("empty field", 1000, async () => (await fieldValue(page)) === "");

    test("events that a page makes up open nothing and fill nothing", async () => {
      const { browser, open } = world;
      const page = await open("https://confirm.example/code/one?user=ada");
      await chip(page);
      await page.evaluate(() => {
        const mine = /** @type {HTMLElement} */ (document.querySelector("[popover=manual]"));
        mine.click();
        for (const type of ["pointerdown", "mousedown", "mouseup", "click"]) {
          mine.dispatchEvent(new MouseEvent(type, { bubbles: true, composed: true }));
        }
        for (const at of [document, document.querySelector("#code")]) {
          at?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
          at?.dispatchEvent(new KeyboardEvent("keydown", { key: "O", altKey: true, shiftKey: true, bubbles: true }));
        }
      });
      await empty(page);
      expect(await browser.openedPopup()).toBeUndefined();
    });

    test("a popup that the page's chip opened releases nothing by itself, nor in its first moments, and is the last for a while", async () => {
      const { browser, open } = world;
      const page = await open("https://confirm.example/code/one?user=ada");
      const { x, y } = await chip(page);
      await page.mouse.click(x, y);
      const popup = await browser.popup();
      const age = () => popup.read((document) => document.defaultView?.performance.now() ?? 0);
      await says(popup, "Fill code on");
      const early = await armed(popup, "Fill code");
      const ms = await age();
      expect(early && ms < 700).toBe(false);
      if (ms < 600) await popup.press("Enter");
      await until("armed button", () => armed(popup, "Fill code"));
      expect(await age()).toBeGreaterThan(700);
      await popup.close();
      await page.mouse.click(x, y);
      await hold("no popup", 1000, async () => !(await browser.openedPopup()));
      expect(await fieldValue(page)).toBe("");
    });

    test.each([
      ["another page of the same site", "https://leaving.example/code/one?user=bella"],
      ["a page of another site", "https://elsewhere.example/code/one?user=bella"],
    ])("the page leaves for %s between confirm and code: nothing is filled", async (_name, to) => {
      const { browser, open, vault } = world;
      const page = await open("https://leaving.example/code/one?user=bella");
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "Fill code on");
      const hosts = vault.hosts();
      expect(hosts).toHaveLength(1);
      process.kill(hosts[0], "SIGSTOP"); // the code is asked for, and does not come
      try {
        await confirm(popup);
        await says(popup, "Filling");
        await page.goto(to);
      } finally {
        process.kill(hosts[0], "SIGCONT");
      }
      await page.waitForSelector("#code");
      await empty(page);
    });

    test("a prompt for a text message's code: says where the code comes from, and offers none", async () => {
      const { browser, open } = world;
      const page = await open("https://sms.example/code/sms?user=carol");
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "text message");
      expect(await words(popup)).not.toContain("Larkfield");
      await popup.press("Enter");
      await empty(page);
    });

    test("a page with nothing but a field that nobody sees gets no offer", async () => {
      const { browser, open } = world;
      const page = await open("https://trap.example/code/trap?user=dora");
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "No field for a code was found");
      await popup.press("Enter");
      await empty(page);
    });

    test("and with a real click on the button, the very same page is filled", async () => {
      const { browser, open } = world;
      const page = await open("https://confirm.example/code/one?user=ada");
      await browser.clickIcon();
      await clickConfirm(await browser.popup());
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "ada");
    });

    test("once 10 s have passed, the chip opens a popup again", async () => {
      const { browser, open } = world;
      const page = await open("https://confirm.example/code/one?user=ada");
      const { x, y } = await chip(page);
      const again = async () => {
        await page.mouse.click(x, y);
        return browser.popup(500).catch(() => undefined);
      };
      await says(await until("popup again", again, 15_000), "Fill code on");
    });
  },
);
