// The scenes of site/live.js, played in a real page.

import { until } from "./until.mjs";

/**
 * @typedef {object} Seen times in ms, 0 for never
 * @property {number} act
 * @property {number} drawn
 * @property {number} offered
 * @property {number} withdrawn
 * @property {number} bare frames without a chip
 */

const url = "https://live.example/code/live?user=ada";
/** The host that an account has to be bound to for an offer. */
export const host = "live.example";

/** Scene → whether there is an offer before its act, and after. @type {Record<string, [boolean, boolean]>} */
export const scenes = {
  late: [false, true],
  busy: [false, true],
  dialog: [false, true],
  "closed dialog": [false, true],
  details: [false, true],
  animation: [false, true],
  shadow: [false, true],
  "nested shadow": [false, true],
  "another input in its place": [true, true],
  "the same input for another purpose": [false, true],
  tabs: [false, true],
  "text message to app": [false, true],
  "app to text message": [true, false],
  "tab back": [true, false],
  "single-page navigation": [false, true],
  frame: [false, true],
};

/**
 * Opens a page in the state with which a scene begins, as the extension has come to know it.
 * @param {import("puppeteer-core").Page} page @param {string} scene
 */
export async function begin(page, scene) {
  await page.goto(url);
  await page.evaluate((scene) => /** @type {any} */ (globalThis).live.before(scene), scene);
  if (scenes[scene][0]) await until("chip to begin with", () => page.$("[popover=manual]"));
}

/**
 * Plays a scene's act, and waits for what is to come of it.
 * @param {import("puppeteer-core").Page} page @param {string} scene @returns {Promise<Seen>}
 */
export async function act(page, scene) {
  await page.evaluate((scene) => /** @type {any} */ (globalThis).live.act(scene), scene);
  const what = scenes[scene][1] ? "offered" : "withdrawn";
  return until(`field ${what}`, async () => {
    const place = scene === "frame" ? page.frames()[1] : page;
    const seen = await place.evaluate(() => /** @type {any} */ (globalThis).live.seen);
    return seen[what] ? seen : undefined;
  });
}
