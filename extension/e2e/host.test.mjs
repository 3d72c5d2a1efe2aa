import { expect, test } from "vitest";
import { expectAccepted, fieldValue, inBrowsers } from "./harness.mjs";
import { confirm, says, unlock } from "./popup.mjs";
import { until } from "./until.mjs";

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
  },
  { locked: true },
);
