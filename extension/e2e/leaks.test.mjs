import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { copyByPopup, expectAccepted, fieldValue, fillByPopup, inBrowsers } from "./harness.mjs";
import { unlock, words } from "./popup.mjs";
import { hold, until } from "./until.mjs";

// What stays behind. When the browser is closed, every test file looks for secrets and codes in all that was written:
// see leftBehind in harness.mjs.
inBrowsers(
  "what stays behind",
  {
    ada: { sites: ["left.example"] },
    bella: { sites: ["copied.example"] },
    carol: { sites: ["remembered.example"] },
  },
  (world) => {
    const openPopup = async () => {
      await world.browser.clickIcon();
      return world.browser.popup();
    };

    /** Copies a code in the popup, over its page, and gives it. */
    async function copy() {
      const { browser, open, site, accounts } = world;
      await open("https://copied.example/code/one?user=bella");
      const code = await copyByPopup(browser);
      expect([0, 1].map((before) => site.code(accounts.bella, Date.now() - before * 30_000))).toContain(code);
      return code;
    }
    // That it is taken out after 30 s is in widgets.test.mjs, which takes that long.
    test("E25 a filled code is in its field alone, U11 a copied one in the clipboard", async () => {
      const { browser, open } = world;
      const copied = await copy();
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
    });

    test("E25 the browser remembers the form that was sent, but for the code", async () => {
      const { browser, open, vault } = world;
      const page = await open("https://remembered.example/code/device?user=carol");
      await page.type("#device", "kitchen laptop");
      await fillByPopup(browser);
      const code = await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "carol");
      await until("form in the browser's memory", () => remembers(vault.home).includes("kitchen laptop"));
      expect(remembers(vault.home).includes(code)).toBe(false);
    });

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
      const { browser, vault } = world;
      await copy();
      await vault.run("lock");
      await until("empty clipboard", async () => (await browser.clipboard()) === "");
    });
  },
  { headless: false },
);

/** All that a browser of this home remembers of the forms that were sent. @param {string} home */
function remembers(home) {
  const names = readdirSync(home, { recursive: true, encoding: "utf8" });
  const kept = names.filter((name) => /-profile\/(Default\/Web Data|formhistory\.sqlite)/.test(name));
  return kept.map((name) => readFileSync(join(home, name), "latin1")).join();
}
