import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectAccepted, fieldValue, inBrowsers } from "./harness.mjs";
import { confirm, press, says, unlock, words } from "./popup.mjs";
import { until } from "./until.mjs";
import { program } from "./vault.mjs";

/** The methods that a program heard, which wrote its standard input to a file. @param {string} file */
function heardIn(file) {
  const all = readFileSync(file);
  /** @type {string[]} */
  const methods = [];
  for (let at = 0; at < all.length; ) {
    const end = at + 4 + all.readUInt32LE(at);
    methods.push(JSON.parse(all.toString("utf8", at + 4, end)).method);
    at = end;
  }
  return methods;
}

inBrowsers(
  "the host",
  {
    ada: { sites: ["closed.example"] },
    bella: { sites: ["killed.example"] },
    carol: { sites: ["late.example"], period: 10 },
  },
  (world) => {
    test("a locked vault: pinentry asks, again after a wrong answer, and then the popup fills", async () => {
      const { browser, open, vault } = world;
      vault.answerFirst("not the passphrase");
      const page = await open("https://closed.example/code/one?user=ada");
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "The vault is locked");
      await unlock(popup);
      expect(vault.prompts()).toBe(2);
      expect(await fieldValue(page)).toBe("");
      await confirm(popup);
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "ada");
    });

    test("a host that was killed is started again, with the vault locked", async () => {
      const { browser, open, vault } = world;
      const before = vault.hosts();
      expect(before).toHaveLength(1);
      process.kill(before[0], "SIGKILL");
      await until("end of the host", () => vault.hosts().length === 0);
      const page = await open("https://killed.example/code/one?user=bella");
      await browser.clickIcon();
      const popup = await browser.popup();
      await unlock(popup);
      expect(vault.hosts()).not.toEqual(before);
      await confirm(popup);
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "bella");
    });

    test("a link for an authenticator app, clicked while the vault is locked, is read once it is open", async () => {
      const { browser, open, vault } = world;
      await vault.run("lock");
      const page = await open("https://link.example/setup/link?user=lise");
      await page.click("#link");
      const popup = await browser.popup();
      await says(popup, "The vault is locked");
      await unlock(popup);
      await confirm(popup, "Save");
      await says(popup, "Saved");
      expect(await vault.list()).toContainEqual(
        expect.objectContaining({ account: "lise", sites: ["https://link.example"] }),
      );
    });

    test("so is a QR code, where the vault is locked under the popup", async () => {
      const { browser, open, vault } = world;
      await open("https://qr.example/setup/qr?user=mary");
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "Add the QR code on this page");
      await vault.run("lock");
      await confirm(popup, "Add the QR code on this page");
      await says(popup, "The vault is locked");
      await unlock(popup);
      await says(popup, "Add this account?");
    });

    test("a code that is about to expire: waits for the next one and fills that", async () => {
      const { browser, open, site, accounts } = world;
      const period = accounts.carol.period * 1000;
      const page = await open("https://late.example/code/one?user=carol");
      await browser.clickIcon();
      const popup = await browser.popup();
      await says(popup, "Fill code on");
      await until("last seconds of a period", () => Date.now() % period > period - 2000, period + 1000);
      const next = Math.ceil(Date.now() / period) * period;
      await confirm(popup);
      await says(popup, "Waiting for the next code");
      const code = await until("code in the field", () => fieldValue(page));
      expect(Date.now()).toBeGreaterThanOrEqual(next);
      expect(code).toBe(site.code(accounts.carol, next));
      await expectAccepted(world, "carol");
    });

    test("N11 a host is trusted once its code was compared, and another program in its place hears nothing", async () => {
      const { browser, open, vault } = world;
      const end = async () => {
        for (const host of vault.hosts()) process.kill(host, "SIGKILL");
        await until("end of the host", () => vault.hosts().length === 0);
      };
      const code = /([0-9A-Z]{4}-){2}[0-9A-Z]{4}/;
      // Its status is of no account: it finds fault with browsers that are not here.
      const doctor = await vault.run("doctor").catch(({ stdout }) => stdout);
      const [ours = ""] = code.exec(doctor) ?? [];

      await browser.trust();
      await end();
      await open("https://closed.example/code/one?user=ada");
      await until("mark on the icon", async () => (await browser.badge()) === "!");
      await browser.clickIcon();
      const first = await browser.popup();
      await says(first, "Is this your Codefob?");
      expect(await words(first)).toContain(ours);
      await press(first, "No, it does not");
      await says(first, "it is not your Codefob");
      await press(first, "Back");
      await press(first, "Yes, it does");
      await says(first, "The vault is locked");
      await first.close();

      const [other, heard] = ["other", "heard"].map((name) => join(vault.home, name));
      writeFileSync(
        `${other}.sh`,
        `#!/bin/sh\nexport CODEFOB_HOME='${other}'\ntee -a '${heard}' | '${program}' "$@"\n`,
        { mode: 0o700 },
      );
      const manifests = [".config/chromium/NativeMessagingHosts", ".mozilla/native-messaging-hosts"].map((folder) => {
        const file = join(vault.home, folder, "codefob.json");
        const text = readFileSync(file, "utf8");
        writeFileSync(file, JSON.stringify({ ...JSON.parse(text), path: `${other}.sh` }));
        return { file, text };
      });
      await end();
      await browser.clickIcon();
      const second = await browser.popup();
      await says(second, "Another program answers as Codefob");
      await press(second, "Compare the code");
      await says(second, "Is this your Codefob?");
      const [theirs] = code.exec(await words(second)) ?? [];
      expect(theirs).toMatch(code);
      expect(theirs).not.toBe(ours);
      expect(existsSync(heard)).toBe(true);
      expect(new Set(heardIn(heard))).toEqual(new Set(["host.hello"]));

      for (const { file, text } of manifests) writeFileSync(file, text);
      await press(second, "No, it does not");
      await press(second, "Back");
      await press(second, "Try again");
      await says(second, "The vault is locked");
    });
  },
  { locked: true },
);
