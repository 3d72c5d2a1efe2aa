// What every end-to-end test stands on: the demo site, a vault with the
// accounts that the test needs, and a browser with the extension in it.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, inject } from "vitest";
import { launch } from "./browser.mjs";
import { formsOf, formsOfCode, search } from "./canaries.mjs";
import { armed, confirm, press, says, unlock } from "./popup.mjs";
import { startSite } from "./site.mjs";
import { until } from "./until.mjs";
import { makeVault } from "./vault.mjs";

/** The built extension; EXTENSION names another. */
export const extension = resolve(process.env.EXTENSION ?? join(import.meta.dirname, "../dist"));
const pictures = join(import.meta.dirname, "../../build/e2e");

/**
 * @typedef {object} Enrollment an account of the demo site, and the hosts that it is bound to in the vault
 * @property {"totp" | "hotp"} [type]
 * @property {number} [period]
 * @property {string} [issuer]
 * @property {string[]} sites as in "one.example"; "localhost" stands for the site's own host and port
 *
 * @typedef {object} World what a test has at hand
 * @property {import("./site.mjs").Site} site
 * @property {import("./vault.mjs").Vault} vault
 * @property {Awaited<ReturnType<typeof launch>>} browser
 * @property {Record<string, import("./site.mjs").Account>} accounts by user name
 * @property {(url: string) => Promise<import("puppeteer-core").Page>} open a page of the site, by path or whole address
 */

/** BROWSER=chromium or firefox runs the tests in that one only. */
const chosen = /** @type {import("./browser.mjs").BrowserName[]} */ (["chromium", "firefox"]).filter(
  (name) => !process.env.BROWSER || process.env.BROWSER === name,
);

/**
 * Runs tests in each browser. The tests of one browser share it and its vault.
 * @param {string} subject
 * @param {Record<string, Enrollment>} enrollments by user name
 * @param {(world: World) => void} tests
 * @param {{ headless?: boolean, locked?: boolean, inPrivate?: boolean }} [options] locked: leave the vault so; inPrivate: in private windows
 */
export function inBrowsers(subject, enrollments, tests, { headless = true, locked = false, inPrivate = false } = {}) {
  describe(subject, () => {
    const common = /** @type {Pick<World, "site" | "accounts" | "vault">} */ ({ accounts: {} });
    beforeAll(async () => {
      if (!existsSync(join(extension, "manifest.json"))) throw new Error(`${extension} is missing: node build.mjs`);
      common.site = await startSite();
      common.vault = await makeVault({ like: /** @type {any} */ (inject)("template") });
      for (const [user, { sites, ...options }] of Object.entries(enrollments)) {
        const account = common.site.enroll(user, options);
        common.accounts[user] = account;
        const own = new URL(common.site.origin).host;
        await common.vault.add(account.uri, ...sites.map((each) => (each === "localhost" ? own : each)));
      }
    });
    afterAll(async () => {
      await common.site?.close();
      common.vault?.remove();
    });

    describe.each(chosen)("%s", (name) => {
      const world = /** @type {World} */ ({});
      let start = 0;
      beforeAll(async () => {
        const { site, accounts } = common;
        for (const account of Object.values(accounts)) account.next = 0;
        const vault = await makeVault({ like: common.vault });
        Object.assign(world, { site, accounts, vault });
        const { home, env, hostKey } = vault;
        start = Date.now();
        const browser = await launch({ browser: name, home, env, hostKey, extension, site, headless, inPrivate });
        world.browser = browser;
        world.open = async (url) => {
          await browser.page.goto(new URL(url, site.origin).href);
          return browser.page;
        };
        if (!locked) await openVault(world);
      });
      afterEach(async ({ task }) => {
        if (task.result?.state === "fail" && world.browser) {
          console.error(`${name}, ${task.name}: ${task.result.errors?.at(-1)?.message}`); // which a new try would hide
          await keep(`${name}-${task.name}`, world.browser);
        }
        await (await world.browser?.openedPopup())?.close();
      });
      afterAll(async () => {
        if (world.browser) keepProcesses(world.vault);
        await world.browser?.close();
        try {
          if (world.browser) expect(leftBehind(world, start)).toEqual([]);
        } finally {
          world.vault?.remove();
        }
      });
      tests(world);
    });
  });
}

/** @param {World} world */
async function openVault({ open, browser, accounts }) {
  await open(`/code/none?user=${Object.keys(accounts)[0]}`);
  await browser.clickIcon();
  const popup = await browser.popup();
  await unlock(popup);
  await popup.close();
}

/** Keeps the environment and the arguments of the hosts that run. @param {World["vault"]} vault */
function keepProcesses({ home, hosts }) {
  for (const pid of hosts())
    for (const part of ["environ", "cmdline"]) {
      try {
        writeFileSync(join(home, `${part}-${pid}`), readFileSync(`/proc/${pid}/${part}`));
      } catch {
        // it ended meanwhile
      }
    }
}

/** Files that are not looked at: the tests' own, with the passphrase, and Firefox's of its own compiled scripts. */
const SKIP = /^(passphrase|pinentry|pinentry\.answers|codes|uris\.txt)$|startupCache\/(script|startup)Cache/;
/** Files of the browsers' own with so many digits that six of them are by chance those of a code. */
const FULL_OF_DIGITS =
  "profile/(Default/Preferences|storage/permanent/chrome/|security_state/|startupCache/|key4.db|cert9.db)";
/**
 * Where no codes are looked for, by how many bytes each digit has. In its session store Chromium keeps what a form
 * sent, in one byte each, whatever the page or an extension says; what stands in fields it keeps in two.
 */
const NO_CODES = { 1: new RegExp(`${FULL_OF_DIGITS}|Default/Sessions/`), 2: new RegExp(FULL_OF_DIGITS) };

/**
 * What was left behind of secrets, of the passphrase and of the codes that were good meanwhile; secrets that a page
 * showed are in the browser's cache.
 * @param {Pick<World, "site" | "vault">} world @param {number} start
 */
export function leftBehind({ site, vault }, start) {
  const canaries = formsOf("the passphrase", Buffer.from(vault.passphrase));
  for (const account of site.accounts.values()) {
    const { user, secret, type, period, recovery, shown } = account;
    if (!shown) canaries.push(...formsOf(`the secret of ${user}`, secret));
    const steps = type === "totp" ? Math.ceil((Date.now() - start) / 1000 / period) + 2 : 10;
    for (let i = 0; i < steps; i++) {
      const code = site.code({ ...account, next: i }, start + i * period * 1000);
      canaries.push(...formsOfCode(`a code of ${user}`, code));
    }
    for (const code of shown ? [] : recovery)
      canaries.push(...formsOf(`a recovery code of ${user}`, Buffer.from(code)));
  }
  const { found, bytes } = search(vault.home, canaries, { skip: SKIP, noCodes: NO_CODES });
  if (bytes < 100_000) throw new Error(`only ${bytes} bytes were searched for what was left behind`);
  return found;
}

/** Keeps a picture and the HTML of the page, and of the popup. @param {string} name @param {World["browser"]} browser */
async function keep(name, browser) {
  mkdirSync(pictures, { recursive: true });
  const path = join(pictures, name.replace(/[^a-z0-9]+/gi, "-").toLowerCase());
  const popup = await browser.openedPopup();
  for (const save of [
    async () => popup && writeFileSync(`${path}-popup.html`, await popup.read((d) => d.documentElement.outerHTML)),
    async () => popup?.screenshot(`${path}-popup.png`),
    async () => popup?.close(),
    async () => writeFileSync(`${path}.html`, await browser.page.content()),
    async () => browser.page.screenshot({ path: /** @type {any} */ (`${path}.png`) }),
  ]) {
    // The page may be what broke, and say nothing.
    await Promise.race([save().catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 5000))]);
  }
}

/** What a field holds. @param {import("puppeteer-core").Page | import("puppeteer-core").Frame} page @param {string} [selector] */
export const fieldValue = (page, selector = "#code") =>
  page.$eval(selector, (input) => /** @type {HTMLInputElement} */ (input).value);

/** Opens the popup by the toolbar icon, and confirms there. @param {World["browser"]} browser */
export async function fillByPopup(browser) {
  await browser.clickIcon();
  await confirm(await browser.popup());
}

/** Copies a code in the popup over the page, and gives what is in the clipboard then. @param {World["browser"]} browser */
export async function copyByPopup(browser) {
  await browser.clickIcon();
  const popup = await browser.popup();
  await press(popup, "Show or copy");
  await until("armed button", () => armed(popup, "Show code"));
  await press(popup, "Copy code");
  await says(popup, "Copied");
  await popup.close();
  return browser.clipboard();
}

/** Sends the form and expects the server to let the user in. @param {World} world @param {string} user */
export async function expectAccepted({ site, browser }, user) {
  const before = site.attempts.length;
  await browser.page.click("form button");
  const attempt = await until("attempt at the server", () => site.attempts[before]);
  expect(attempt).toMatchObject({ user, accepted: true });
  await browser.page.waitForSelector("#welcome");
}
