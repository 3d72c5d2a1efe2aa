import "./widgets/host.mjs";

import { afterAll, beforeAll, expect, test } from "vitest";
import { copyByPopup, inBrowsers } from "./harness.mjs";
import { base32, hotp, timeStep } from "./otp.mjs";
import { says } from "./popup.mjs";
import { hold, until } from "./until.mjs";
import { serveWidgets } from "./widgets/serve.mjs";

const widgets = await serveWidgets();
afterAll(() => widgets.close());

/** Each widget with the step of the ladder that it takes a code by. */
const takes = [
  // React
  ["input-otp", "keys"],
  ["react-otp-input", "paste"],
  ["mui-one-time-password-input", "paste"],
  ["antd", "keys"],
  ["chakra-ui", "paste"],
  ["mantine", "paste"],
  ["controlled", "value"],
  // Vue
  ["vuetify", "paste"],
  ["primevue", "paste"],
  ["element-plus", "keys"],
  // Angular, Svelte, Stencil, and without a framework
  ["ng-otp-input", "paste"],
  ["bits-ui", "keys"],
  ["ionic", "paste"],
  ["zag", "paste"],
  ["imask", "keys"],
  // Less than they take of themselves
  ["mui-one-time-password-input?without=paste", "keys"],
  ["chakra-ui?without=paste", "keys"],
  ["primevue?without=paste", "keys"],
  ["chakra-ui?without=paste,keydown", "value"],
  ["ng-otp-input?without=paste,keydown", "value"],
  ["ionic?without=paste,keydown", "value"],
  // No library
  ["password", "keys"],
  ["number", "keys"],
  ["spaced", "keys"],
  ["two halves", "keys"],
  ["transparent", "keys"],
  ["no paste", "keys"],
  ["no paste into boxes", "keys"],
  ["keys only", "keys"],
  ["keydown filter", "keys"],
  ["rerendered", "keys"],
  ["rerendered, one field", "keys"],
  ["read-only until clicked", "keys"],
  // No inputs
  ["contenteditable boxes", "keys"],
  ["contenteditable boxes, paste", "paste"],
  ["contenteditable boxes, no keys", "value"],
  ["contenteditable field", "keys"],
];

const origin = `localhost:${widgets.port}`;
const sending = `sending.${origin}`; // where the account is set to have the form sent
const steam = { host: `steam.${origin}`, secret: Buffer.from("twenty bytes at least") };

/** The Steam Guard code of a moment: as RFC 4226, written with five letters and digits. @param {number} ms */
function steamCode(ms) {
  let number = Number(hotp(steam.secret, timeStep(ms, 30), { digits: 10 }));
  const letters = "23456789BCDFGHJKMNPQRTVWXY";
  return Array.from({ length: 5 }, () => {
    const letter = letters[number % letters.length];
    number = Math.floor(number / letters.length);
    return letter;
  }).join("");
}

inBrowsers(
  "widgets",
  { ada: { sites: [origin] }, jane: { sites: [sending] } },
  (world) => {
    beforeAll(async () => {
      await world.vault.add(`steam://${base32(steam.secret)}`, steam.host);
      await world.vault.run("edit", "jane", "--submit", "on");
    });

    const state = () => world.browser.page.$eval("#state", (pre) => pre.textContent ?? "");
    const good = (/** @type {string} */ code, user = "ada") =>
      [-1, 0, 1].some((step) => world.site.code(world.accounts[user], Date.now() + step * 30_000) === code);

    /** Shows a page, and has its field filled. @param {string} name @param {string} [host] */
    async function fill(name, host = origin) {
      const page = await world.open(`http://${host}/${name}`);
      await page.waitForSelector("#root :is(input, [contenteditable])");
      if (name.startsWith("read-only")) await page.click("#root input");
      await world.browser.pressShortcut();
      return page;
    }

    let copiedAt = 0;
    test("U11 a copied code is in the clipboard", async () => {
      await world.open(`http://${origin}/number`);
      const code = await copyByPopup(world.browser);
      copiedAt = Date.now();
      expect(code).toSatisfy(good);
    });

    test.each(takes)("%s takes the code, by %s", async (name, step) => {
      const page = await fill(name);
      await until("code in the page's state", async () => good(await state()));
      await hold("code in the page's state", 300, async () => good(await state()));
      expect(await page.$eval("html", (html) => html.dataset.step)).toBe(step);
      expect(await world.browser.openedPopup()).toBeUndefined();
    });

    test("letters and digits of a Steam code", async () => {
      await fill("steam", steam.host);
      const code = await until("code in the page's state", state);
      expect([-1, 0, 1].map((step) => steamCode(Date.now() + step * 30_000))).toContain(code);
    });

    test.each(["sends itself", "sends itself in place", "sends itself and waits"])("a form that %s", async (name) => {
      widgets.sent.length = 0;
      await fill(name);
      await until("code at the server", () => widgets.sent.length);
      await hold("one code, and no problem", 500, async () => {
        const popup = Boolean(await world.browser.openedPopup());
        expect({ sent: widgets.sent.map((code) => good(code)), popup }).toEqual({ sent: [true], popup: false });
        return true;
      });
    });

    test.each(["sends itself slowly", "sends itself slowly by a script"])("once, a form that %s", async (name) => {
      widgets.sent.length = 0;
      const page = await fill(name, sending);
      await page.waitForSelector("#welcome");
      expect(widgets.sent).toEqual([expect.toSatisfy((code) => good(code, "jane"))]);
    });

    test("a form that sends itself and empties the field: the code is not sent again", async () => {
      widgets.sent.length = 0;
      await fill("sends itself and empties the field");
      await says(await world.browser.popup(), "The page did not take the code");
      expect(widgets.sent).toEqual([expect.toSatisfy(good)]);
    });

    test("a field that clears itself: the popup says that it did not take the code", async () => {
      await fill("clears itself");
      await says(await world.browser.popup(), "The page did not take the code");
      expect(await state()).toBe("");
    });

    test("of two fields one is filled", async () => {
      const page = await fill("two fields");
      await until("code in the page's state", async () => good(await state()));
      expect(await page.$eval("#other", (input) => /** @type {HTMLInputElement} */ (input).value)).toBe("");
    });

    // Meanwhile it has been.
    test("U11 30 s after it was copied, a code is no longer in the clipboard", { timeout: 60_000 }, async () => {
      expect(copiedAt).toBeGreaterThan(0);
      const left = copiedAt + 34_000 - Date.now();
      await until("empty clipboard", async () => (await world.browser.clipboard()) === "", left);
    });
  },
  { headless: false },
);
