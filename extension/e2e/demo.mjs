// `make demo`: Codefob from the vault into a login page, in a real browser. The
// site, the vault, the home and the browser's profile are thrown away at the end.
//
// With a screen a person clicks. Without one, or with DEMO=auto, it drives the
// browser itself, in the real popup, and keeps pictures in build/demo.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { findBrowser, launch } from "./browser.mjs";
import { canStartKeyring, startKeyring } from "./keyring.mjs";
import { armed, says, unlock } from "./popup.mjs";
import { startSite } from "./site.mjs";
import { until } from "./until.mjs";
import { makeVault } from "./vault.mjs";

const root = join(import.meta.dirname, "../..");
const extension = join(import.meta.dirname, "../dist");
const pictures = join(root, "build/demo");
const day = 24 * 60 * 60 * 1000;

const start = Date.now();
const say = (text = "") => console.log(text && `  ${text}`);
/** One thing done, when it was done, and its picture. @param {string} what @param {string} [picture] */
function step(what, picture) {
  const ms = String(Date.now() - start).padStart(6);
  say(`${ms} ms  ${what}${picture ? `  (${relative(process.cwd(), picture)})` : ""}`);
}

/** @returns {import("./browser.mjs").BrowserName} */
function chooseBrowser() {
  const { BROWSER: wanted } = process.env;
  const known = /** @type {const} */ (["chromium", "firefox"]);
  if (wanted && !known.some((name) => name === wanted)) throw new Error(`BROWSER is ${wanted}: chromium or firefox`);
  const found = known.find((name) => (!wanted || name === wanted) && findBrowser(name));
  if (!found)
    throw new Error(`no browser was found: apt-get install ${wanted === "firefox" ? "firefox-esr" : "chromium"}`);
  return found;
}

/** @type {Array<() => unknown>} what to end, the last first */
const endings = [];

async function prepare() {
  const name = chooseBrowser();
  const guided = Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY) && process.env.DEMO !== "auto";
  console.log(`\nCodefob demo, in ${name === "chromium" ? "Chromium" : "Firefox"}\n`);

  const keychain = canStartKeyring();
  const keyringHome = mkdtempSync(join(tmpdir(), "codefob-keyring-"));
  endings.push(() => rmSync(keyringHome, { recursive: true, force: true }));
  const keyring = keychain ? await startKeyring(keyringHome) : undefined;
  if (keyring) endings.push(keyring.close);

  const vault = await makeVault({ env: keyring?.env, keychain });
  endings.push(vault.remove);
  const site = await startSite();
  endings.push(site.close);
  const ada = site.enroll("ada");
  await vault.add(ada.uri, new URL(site.origin).host);
  const how = keychain
    ? "opened by a keyring of its own"
    : "locked: there is no gnome-keyring, a script will play pinentry";
  step(`a new vault with one account, ${how}`);

  const { home, env, hostKey } = vault;
  const browser = await launch({ browser: name, home, env, hostKey, extension, site, guided });
  endings.push(browser.close);
  step("the browser, with the extension in it and the host registered; it trusts that host already");
  await browser.page.goto(`${site.origin}/login`);
  return { browser, site, ada, keychain, guided };
}

/** A person does it. @param {Awaited<ReturnType<typeof prepare>>} prepared */
async function guide({ browser, site, ada, keychain }) {
  step(`the login page, at ${site.origin}`);
  say();
  say("Now you, in the browser's window:");
  say(`1. Sign in as "${ada.user}" with the password "${ada.password}".`);
  say("2. On the next page, click the Codefob icon in the toolbar, or the padlock");
  say("   in the field. (In the toolbar it may be behind the puzzle piece.)");
  if (!keychain) say("   Click Unlock: the demo answers the question for the passphrase.");
  say("3. Confirm with Enter. Or press Alt+Shift+O instead of all of step 2 and 3.");
  say("4. Click Verify. The server checks the code.");
  say();
  const ended = new Promise((_, reject) => {
    browser.browser.once("disconnected", () => reject(new Error("the browser was closed before you were signed in")));
  });
  await Promise.race([ended, until("sign-in", () => site.attempts.some(({ accepted }) => accepted), day)]);
  step("the server accepted the code: you are signed in");
  say();
  say("Close the browser, or press Ctrl+C, to end the demo.");
  await ended.catch(() => undefined);
}

/** The demo does it itself. @param {Awaited<ReturnType<typeof prepare>>} prepared */
async function drive({ browser, site, ada, keychain }) {
  const { page } = browser;
  mkdirSync(pictures, { recursive: true });
  const path = (/** @type {string} */ name) => join(pictures, `${browser.name}-${name}.png`);
  const shoot = async (/** @type {string} */ name) => {
    const file = path(name);
    await page.screenshot({ path: /** @type {any} */ (file) });
    return file;
  };
  step("login page loaded", await shoot("1-login"));

  await page.type("#user", ada.user);
  await page.type("#password", ada.password);
  await Promise.all([page.waitForNavigation(), page.click("button")]);
  step("user name and password accepted, the page asks for a code");
  await until("chip at the field", () => page.$eval("[popover=manual]", (chip) => chip.checkVisibility()));
  step("field found, the chip is there", await shoot("2-chip"));

  await browser.clickIcon();
  const popup = await browser.popup();
  if (!keychain) {
    await says(popup, "The vault is locked");
    await unlock(popup);
    step("vault unlocked: the scripted pinentry gave the passphrase");
  }
  await until("button that confirms", () => armed(popup, "Fill code"));
  step("popup shown, it names the account and the host");
  const picture = path("3-popup");
  await popup.screenshot(picture);
  step("picture of the popup taken", picture);
  const window = path("4-window");
  if (await browser.display?.screenshot(window)) step("picture of the window taken", window);

  // With under 3 s left of a period the code of the next one would be waited for, and that is not to be measured here.
  await until("time enough in this period", () => Date.now() % 30_000 < 26_000);
  const ms = await confirmAndTime(popup, page);
  step("confirmed with Enter in the popup");
  await popup.gone();
  step("code filled, popup closed", await shoot("5-filled"));
  await page.click("form button");
  await page.waitForSelector("#welcome");
  if (!site.attempts.at(-1)?.accepted) throw new Error("the server refused the code");
  step("the server accepted the code", await shoot("6-signed-in"));
  say();
  say(`From the key that confirms to the filled field: ${ms} ms.`);
}

/**
 * Presses Enter in the popup, and gives the milliseconds from the moment that
 * the key arrives there until the page's field holds the code.
 * @param {import("./browser.mjs").Popup} popup @param {import("puppeteer-core").Page} page
 */
async function confirmAndTime(popup, page) {
  await page.$eval("#code", (field) => {
    const full = () => /** @type {HTMLInputElement} */ (field).value.length >= 6;
    field.addEventListener("input", () => full() && field.setAttribute("data-filled", String(Date.now())));
  });
  await popup.read((document) => {
    const note = () => document.documentElement.setAttribute("data-pressed", String(Date.now()));
    document.addEventListener("keydown", note, { capture: true, once: true });
  });
  const [pressed, filled] = await Promise.all([
    until("key in the popup", () => popup.read((d) => d.documentElement.getAttribute("data-pressed"))),
    until("code in the field", () => page.$eval("#code", (field) => field.getAttribute("data-filled"))),
    popup.press("Enter"),
  ]);
  return Number(filled) - Number(pressed);
}

/** Rejects when the person ends the demo. */
const interrupted = new Promise((_, reject) => {
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]))
    process.once(signal, () => reject(signal));
});

async function demo() {
  const prepared = await prepare();
  await (prepared.guided ? guide(prepared) : drive(prepared));
}

try {
  await Promise.race([demo(), interrupted]);
  say();
  say("Nothing of this stays on your computer. To install Codefob for good: make install");
} catch (problem) {
  process.exitCode = problem instanceof Error ? 1 : 130;
  if (problem instanceof Error) console.error(`\n  The demo failed: ${problem.message}`);
} finally {
  for (const ending of endings.reverse()) await Promise.resolve(ending()).catch(() => undefined);
  console.log();
}
process.exit(); // what was interrupted may still be waiting
