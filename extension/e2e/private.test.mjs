import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { chip } from "./chip.mjs";
import { expectAccepted, fieldValue, fillByPopup, inBrowsers } from "./harness.mjs";
import { unlock } from "./popup.mjs";
import { hold, until } from "./until.mjs";
import { program } from "./vault.mjs";

inBrowsers(
  "a private window",
  { ada: { sites: ["private.example"] } },
  (world) => {
    const url = "https://private.example/code/one?user=ada";

    test("where the extension is not allowed, it is not there", async () => {
      const { browser, open, vault } = world;
      const page = await open(url);
      await hold("no chip", 1500, async () => (await page.$("[popover=manual]")) === null);
      expect(await browser.openedPopup()).toBeUndefined();
      expect(vault.hosts()).toEqual([]);
    });

    test("where it is allowed, it fills, and says to the host that the window is private", async () => {
      const { browser, open, vault } = world;
      const wire = tap(vault);
      await browser.allowInPrivate();
      const page = await open(url);
      await browser.clickIcon();
      const popup = await browser.popup();
      await unlock(popup);
      await popup.close();
      await chip(page);
      await fillByPopup(browser);
      const code = await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "ada");
      const contexts = wire().flatMap(({ params }) => params?.context ?? []);
      expect(contexts.length).toBeGreaterThan(1);
      for (const context of contexts)
        expect(context).toMatchObject({ origin: "https://private.example", private: true });
      expect(holding(vault.home, "private.example")).toEqual([join(vault.home, "wire")]);
      expect(holding(vault.home, code)).toEqual([]);
    });
  },
  { locked: true, inPrivate: true },
);

/** The files below a folder in which a word stands. @param {string} folder @param {string} word */
const holding = (folder, word) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => readFileSync(file).includes(word));

/**
 * Has the browser's words to the host written down on their way.
 * @param {import("./vault.mjs").Vault} vault
 * @returns {() => Array<{ method: string, params?: { context?: object } }>} the requests up to now
 */
function tap({ home }) {
  const [script, log] = [join(home, "tap"), join(home, "wire")];
  writeFileSync(log, "");
  writeFileSync(script, `#!/bin/sh\ntee '${log}' | '${program}' "$@"\n`, { mode: 0o700 });
  for (const folder of [".config/chromium/NativeMessagingHosts", ".mozilla/native-messaging-hosts"]) {
    const file = join(home, folder, "codefob.json");
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), path: script }));
  }
  return () => {
    const requests = [];
    const bytes = readFileSync(log);
    for (let at = 0; at < bytes.length; ) {
      const end = at + 4 + bytes.readUInt32LE(at);
      requests.push(JSON.parse(bytes.toString("utf8", at + 4, end)));
      at = end;
    }
    return requests;
  };
}
