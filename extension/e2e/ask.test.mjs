import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { findProgram } from "./children.mjs";
import { expectAccepted, fieldValue, inBrowsers } from "./harness.mjs";
import { armed, confirm, press, says } from "./popup.mjs";
import { until } from "./until.mjs";

/** @typedef {import("./browser.mjs").Popup} Popup */

const ASK = "Always ask in a dialog";
const YES = ["Tab", "Return"]; // the focus is on No

// With the system's own pinentry. It takes the focus, and browsers close the popup for that, or when the focus is back.
inBrowsers(
  "asking in a dialog",
  { ada: { sites: ["ask.example"] }, bella: { sites: ["often.example"] } },
  (world) => {
    beforeAll(async () => {
      const { vault, browser, open } = world;
      const pinentry = findProgram("pinentry-gtk-2");
      if (!pinentry) throw new Error("pinentry-gtk-2 is missing: apt-get install pinentry-gtk2");
      writeFileSync(join(vault.env["CODEFOB_HOME"] ?? "", "config.json"), JSON.stringify({ pinentry }));
      await vault.run("edit", "ada", "--ask", "on");
      await open("https://ask.example/code/one?user=ada");
      await browser.clickIcon();
      const popup = await browser.popup();
      await confirm(popup, "Unlock");
      await browser.display?.dialog();
      await browser.display?.type(readFileSync(join(vault.home, "passphrase"), "utf8").trim());
      await answer(popup, "Return");
      await until("open vault", async () => (await browser.badge()) === "1");
    });

    /** Answers the dialog of pinentry, and has this popup closed for it. @param {Popup | undefined} popup @param {string[]} keys */
    async function answer(popup, ...keys) {
      const { display } = world.browser;
      await display?.dialog();
      await Promise.all([popup?.gone(), display?.press(...keys)]);
    }

    /** Confirms in the popup over the page, and answers the dialog. @param {string[]} keys */
    async function fillWith(...keys) {
      const page = await world.open("https://ask.example/code/one?user=ada");
      await world.browser.clickIcon();
      const popup = await world.browser.popup();
      await confirm(popup);
      await answer(popup, ...keys);
      return page;
    }

    test("yes fills, though the popup is gone by then", async () => {
      const page = await fillWith(...YES);
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "ada");
    });

    test("no fills nothing, and the popup says so", async () => {
      const page = await fillWith("Escape");
      await says(await world.browser.popup(), "It was declined");
      expect(await fieldValue(page)).toBe("");
    });

    test("a code to look at is in the popup after a yes", async () => {
      const { browser, open } = world;
      await open("https://ask.example/code/one?user=ada");
      await browser.clickIcon();
      const popup = await browser.popup();
      await press(popup, "Show or copy");
      await until("armed button", () => armed(popup, "Show code"));
      await press(popup, "Show code");
      await answer(popup, ...YES);
      const again = await browser.popup();
      const shown = () => again.read((document) => document.querySelector(".code output")?.textContent);
      expect(await until("code in the popup", shown)).toMatch(/^\d{3}\s?\d{3}$/);
    });

    test("without a yes it is asked for from then on, too", async () => {
      const { browser, vault } = world;
      const page = await browser.options();
      await press(page, "LLarkfieldada");
      await press(page, ASK, "label.switch");
      await answer(undefined, "Escape");
      await says(page, "It was declined");
      await page.close();
      expect(await vault.list()).toMatchObject([{ ask: true }, { ask: false }]);
    });

    test("beyond the budget any code is asked for: yes fills, and no fills nothing", async () => {
      const { browser, open } = world;
      /** Fills by the command, again and again, until that is asked for; gives the page. */
      async function untilAsked() {
        for (let codes = 0; codes <= 30; codes++) {
          const page = await open("https://often.example/code/one?user=bella");
          await browser.pressShortcut();
          const filled = () => fieldValue(page);
          if ((await until("code, or dialog", async () => (await browser.display?.asks()) || filled())) !== true)
            continue;
          expect(await filled()).toBe("");
          return page;
        }
        throw new Error("30 codes, and no question");
      }
      const page = await untilAsked();
      await answer(undefined, ...YES);
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "bella");
      await untilAsked();
      await answer(undefined, "Escape");
      await says(await browser.popup(), "It was declined");
      expect(await fieldValue(page)).toBe("");
    });
  },
  { headless: false, locked: true },
);
