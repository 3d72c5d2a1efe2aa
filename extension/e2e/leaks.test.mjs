import { expect, test } from "vitest";
import { fieldValue, fillByPopup, inBrowsers } from "./harness.mjs";
import { armed, press, says, unlock, words } from "./popup.mjs";
import { hold, until } from "./until.mjs";

// What stays behind. When the browser is closed, every test file looks for secrets and codes in all that was written:
// see leftBehind in harness.mjs.
inBrowsers(
  "what stays behind",
  { ada: { sites: ["left.example"] }, bella: { sites: ["copied.example"] } },
  (world) => {
    const openPopup = async () => {
      await world.browser.clickIcon();
      return world.browser.popup();
    };

    /** Copies a code in the popup, over its page, and gives it. */
    async function copy() {
      const { browser, open, site, accounts } = world;
      await open("https://copied.example/code/one?user=bella");
      const popup = await openPopup();
      await press(popup, "Show or copy");
      await until("armed button", () => armed(popup, "Show code"));
      await press(popup, "Copy code");
      await says(popup, "Copied");
      await popup.close();
      const code = await browser.clipboard();
      expect([0, 1].map((before) => site.code(accounts.bella, Date.now() - before * 30_000))).toContain(code);
      return code;
    }
    const empty = (ms = 8000) => until("empty clipboard", async () => (await world.browser.clipboard()) === "", ms);

    test("E25 a filled code is in its field alone, U11 a copied one is taken out of the clipboard after 30 s", async () => {
      const { browser, open } = world;
      const [copied, at] = [await copy(), Date.now()];
      const page = await open("https://left.example/code/hidden?user=ada");
      await fillByPopup(browser);
      const code = await until("code in the field", () => fieldValue(page));
      const elsewhere = await page.evaluate(() => [
        ...[...document.querySelectorAll("input:not(#code)")].map((each) => /** @type {any} */ (each).value),
        ...[document.documentElement.outerHTML, document.title, document.cookie, location.href, window.name],
        ...[localStorage, sessionStorage, history.state].map((each) => JSON.stringify(each)),
      ]);
      expect(elsewhere.filter((text) => text?.includes(code))).toEqual([]);
      expect(await browser.clipboard()).toBe(copied);
      if (browser.name === "chromium") await empty(34_000 - (Date.now() - at)); // half a minute is enough
    }, 60_000);

    test("U11 what the user copied since stays when the vault is locked", async () => {
      const { browser, vault } = world;
      await copy();
      await browser.page.evaluate(() => navigator.clipboard.writeText("mine"));
      await vault.run("lock");
      await hold("clipboard", 2500, async () => (await browser.clipboard()) === "mine");
    });

    test("U1 a locked popup and options page take no passphrase", async () => {
      const { browser } = world;
      for (const open of [() => browser.options(), openPopup]) {
        const view = await open();
        await until("lock", async () => /locked/.test(await words(view)));
        const inputs = await view.read((document) =>
          [...document.querySelectorAll("input, textarea, [contenteditable]")]
            .filter((each) => each.checkVisibility())
            .map((each) => each.getAttribute("type")),
        );
        expect(inputs.filter((type) => type !== "search")).toEqual([]);
        if (open === openPopup) await unlock(view);
        await view.close();
      }
    });

    test("U11 a copied code is taken out of the clipboard when the vault is locked", async () => {
      const { vault } = world;
      await copy();
      await vault.run("lock");
      await empty();
    });
  },
  { headless: false },
);
