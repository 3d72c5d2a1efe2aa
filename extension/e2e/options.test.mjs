import { expect, test } from "vitest";
import { expectAccepted, fieldValue, fillByPopup, inBrowsers } from "./harness.mjs";
import { press, says, words } from "./popup.mjs";
import { until } from "./until.mjs";

/** @typedef {import("./browser.mjs").Popup} Popup */

/** Types at the end of the field below a name, once so many characters were taken away there. @param {Popup} page @param {string} label @param {string} text @param {number} [away] */
async function fill(page, label, text, away = 0) {
  await press(page, label, "label.field");
  await page.press("End");
  for (let i = 0; i < away; i++) await page.press("Backspace");
  await page.type(text);
}

/** Whether the switch with this label was the last to be saved. @param {Document} document @param {string} label */
const isSaved = (document, label) =>
  [...document.querySelectorAll("label.switch")]
    .find((each) => each.textContent?.startsWith(label))
    ?.nextElementSibling?.textContent?.includes("Saved") ?? false;

/** The texts of what a selector finds. @param {Popup} page @param {string} selector */
const texts = (page, selector) =>
  page.read((document, selector) => [...document.querySelectorAll(selector)].map((each) => each.textContent), selector);

/** @param {Popup} page @param {string} uri of an account that is on the page */
async function showsNoSecret(page, uri) {
  const html = await page.read((document) => document.documentElement.outerHTML);
  expect(html).not.toContain(new URL(uri).searchParams.get("secret"));
}

inBrowsers(
  "options",
  { ada: { sites: ["one.example"] }, bella: { sites: ["one.example"] }, carol: { sites: [] } },
  (world) => {
    /** The options page, in a tab of its own while it is used. @param {(page: Popup) => Promise<void>} use @param {string} [at] */
    async function options(use, at) {
      const { browser } = world;
      const page = await browser.options(at);
      try {
        await use(page);
      } finally {
        await page.close();
        await browser.page.bringToFront();
      }
    }
    const kept = async (/** @type {string} */ name) =>
      (await world.vault.list()).find(({ account }) => account === name);

    test("an account gets other names, and a site where it then fills", async () => {
      const { browser, open } = world;
      await options(async (page) => {
        await press(page, "LLarkfieldada");
        await fill(page, "Service", " Bank");
        await press(page, "Save names");
        await says(page, "✓ Saved");
        expect(await kept("ada")).toMatchObject({ issuer: "Larkfield Bank" });
        await showsNoSecret(page, world.accounts["ada"]?.uri ?? "");

        await fill(page, "Another site", "not a host");
        await press(page, "Add site");
        await until("the reason", async () => (await texts(page, "#wrong-site"))[0]?.includes("not a host"));
        await fill(page, "Another site", "two.example", "not a host".length);
        await page.press("Enter");
        await until(
          "two sites",
          async () => (await texts(page, ".sites li span")).join() === "one.example,two.example",
        );
        await press(page, "Remove one.example");
        await until("one site", async () => (await texts(page, ".sites li")).length === 1);
      });
      expect((await kept("ada"))?.sites).toEqual(["https://two.example"]);
      const page = await open("https://two.example/code/one?user=ada");
      await fillByPopup(browser);
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "ada");
      await options(async (page) => {
        const client = browser.name[0]?.toUpperCase() + browser.name.slice(1);
        await says(page, `Fill in · two.example · ${client}`);
        expect((await texts(page, ".log .issuer"))[0]).toBe("Larkfield Bank (ada)");
      }, "#log");
    });

    test("how a code is filled is kept, and taken back", async () => {
      const flags = async () => {
        const { append, submit, ask } = /** @type {any} */ (await kept("bella"));
        return { append, submit, ask };
      };
      for (const on of [true, false])
        await options(async (page) => {
          await press(page, "LLarkfieldbella");
          for (const label of ["Send the form", "Put the code behind the password", "Always ask in a dialog"]) {
            await press(page, label, "label.switch");
            // To be asked no more is asked, in a dialog that the test's pinentry agrees to.
            const saved = () => page.read(isSaved, label);
            await until(`"${label}" to be saved`, saved, 20_000);
          }
          await until("the change", async () => Object.values(await flags()).every((each) => each === on));
        });
    });

    test("a removed account is gone, and comes back with what it had", async () => {
      const before = await kept("bella");
      await options(async (page) => {
        await press(page, "LLarkfieldbella");
        await press(page, "Remove account");
        await says(page, "Removed Larkfield (bella)");
        expect(await kept("bella")).toBeUndefined();
        await press(page, "Undo");
        await until("end of the bar", async () => !(await words(page)).includes("Removed"));
        expect(await words(page)).toContain("bella");
      });
      expect(await kept("bella")).toEqual(before);
    });

    test("an account is added by its setup key, and found again", async () => {
      const { site } = world;
      const { uri } = site.enroll(`dora-${world.browser.name}`, { issuer: "Larkfield" });
      await options(async (page) => {
        await fill(page, "Setup key or otpauth address", uri);
        await page.press("Enter");
        await press(page, "Add to vault");
        await says(page, "✓ Added");
        await showsNoSecret(page, uri);
        await press(page, "Set its sites");
        await fill(page, "Another site", "three.example");
        await press(page, "Add site");
        await says(page, "✓ Saved");
        await press(page, "Add an account", "nav a");
        await fill(page, "Setup key or otpauth address", uri);
        await press(page, "Read it");
        await says(page, "In your vault already");
      }, "#add");
      expect(await kept(`dora-${world.browser.name}`)).toMatchObject({ sites: ["https://three.example"] });
    });

    test("the search finds accounts, and a locked vault says so", async () => {
      const { vault } = world;
      await options(async (page) => {
        await says(page, "bella");
        await page.click("[type=search]");
        await page.type("carol");
        await until("one account", async () => (await texts(page, ".row")).length === 1);
        await press(page, "Your services", "nav a");
        await says(page, "Larkfield");
      });
      const prompts = vault.prompts();
      await vault.run("lock");
      await options(async (page) => {
        await press(page, "Unlock");
        await says(page, "carol");
      });
      expect(vault.prompts()).toBe(prompts + 1);
    });
  },
);
