// How long after a field is drawn its offer is there, or gone after the page
// took it back: each scene of site/live.js, in each browser, with the host and
// the vault at work. `node e2e/live.bench.mjs`; ROUNDS is how often, EXTENSION another folder to load.

import { join, resolve } from "node:path";
import { findBrowser, launch } from "./browser.mjs";
import { unlock } from "./popup.mjs";
import { act, begin, host, scenes } from "./scenes.mjs";
import { startSite } from "./site.mjs";
import { makeVault } from "./vault.mjs";

const rounds = Number(process.env.ROUNDS ?? 5);
const extension = resolve(process.env.EXTENSION ?? join(import.meta.dirname, "../dist"));
const site = await startSite();
const vault = await makeVault();
await vault.add(site.enroll("ada").uri, host);

/** @param {number[]} times */
const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
/** @param {string} name @param {number[]} times */
const row = (name, times) =>
  console.log(
    `  ${name.padEnd(34)} ${median(times).toFixed(0).padStart(6)} ${Math.max(...times)
      .toFixed(0)
      .padStart(6)}`,
  );

for (const name of /** @type {const} */ (["chromium", "firefox"])) {
  if (!findBrowser(name)) continue;
  const own = await makeVault({ like: vault });
  const browser = await launch({ browser: name, home: own.home, env: own.env, hostKey: own.hostKey, extension, site });
  await browser.page.goto(`${site.origin}/code/none?user=ada`);
  await browser.clickIcon();
  const popup = await browser.popup();
  await unlock(popup);
  await popup.close();
  console.log(`from a field being drawn to its offer, ms, median and worst of ${rounds}: ${name}`);
  const all = [];
  for (const scene of Object.keys(scenes)) {
    const page = await browser.browser.newPage(); // so much in a row is more than one tab may say to the background
    const times = [];
    for (let i = 0; i < rounds; i++) {
      await begin(page, scene);
      const { act: acted, drawn, offered, withdrawn } = await act(page, scene);
      times.push(scenes[scene][1] ? Math.max(0, offered - (drawn || acted)) : withdrawn - acted);
    }
    await page.close();
    row(scene, times);
    all.push(...times);
  }
  row("all", all);
  await browser.close();
  own.remove();
}
vault.remove();
await site.close();
