import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectAccepted, extension, fieldValue, fillByPopup, inBrowsers } from "./harness.mjs";
import { armed, confirm, press, pressByKeys, says, words } from "./popup.mjs";
import { until } from "./until.mjs";

/** A PNG picture of a QR code. @param {string} text */
const qrPicture = (text) => execFileSync("qrencode", ["-o", "-", text]);

const READ = "Add the QR code on this page";

inBrowsers("enrollment", { ada: { sites: ["first.example"] } }, (world) => {
  /** Opens the popup. */
  async function popup() {
    await world.browser.clickIcon();
    return world.browser.popup();
  }

  /** The name of the account that is offered. @param {import("./browser.mjs").Popup} at */
  const nameIn = (at) =>
    at.read((document) => document.querySelector(/** @type {"input"} */ ("input[name=account]"))?.value);

  /** The one account of that name in the vault. @param {string} user */
  const kept = async (user) => (await world.vault.list()).find(({ account }) => account === user);

  test("by the QR code of the page until the site takes the code; ten recovery codes, and one used", async () => {
    const { browser, open, site, vault } = world;
    const page = await open("https://setup.example/setup/qr?user=mary");
    const first = await popup();
    await confirm(first, READ);
    await says(first, "Add this account?");
    expect(await words(first)).toContain("setup.example");
    await confirm(first, "Save");
    await says(first, "Saved");
    await confirm(first, "Fill code");
    await until("code in the field", () => fieldValue(page));
    expect(await kept("mary")).toMatchObject({ sites: ["https://setup.example"] });
    const before = site.attempts.length;
    await page.click("form button");
    await page.waitForSelector("#codes");
    expect(site.attempts[before]).toMatchObject({ user: "mary", accepted: true });

    await until("mark on the icon", async () => (await browser.badge()) === "+");
    const second = await popup();
    await says(second, "setup.example took the code");
    await confirm(second, "Save recovery codes");
    await says(second, "Recovery codes found: 10");
    const codes = await page.$$eval("#codes li", (all) => all.map(({ textContent }) => textContent ?? ""));
    for (const code of codes) expect(await words(second)).not.toContain(code);
    await confirm(second, "Save recovery codes: 10");
    await says(second, "Recovery codes saved: 10");
    await second.close();
    expect(await vault.run("recovery", "mary")).toContain("10");

    await Promise.all([page.waitForNavigation(), page.click("#use")]);
    const third = await popup();
    await says(third, "Recovery codes left: 10");
    await press(third, "Fill recovery code");
    await until("recovery code in the field", async () => (await fieldValue(page)) === codes[0]);
    await expectAccepted(world, "mary");
  });

  test("a code that the page turns away is not taken for an accepted one", async () => {
    const { open, site } = world;
    const page = await open("https://refused.example/setup/canvas?user=ruth&refuse");
    const first = await popup();
    await confirm(first, READ);
    await confirm(first, "Save");
    await says(first, "Saved");
    await confirm(first, "Fill code");
    await until("code in the field", () => fieldValue(page));
    const before = site.attempts.length;
    await page.click("form button");
    await page.waitForSelector(".bad");
    expect(site.attempts[before]).toMatchObject({ accepted: false });
    await until(
      "word of it in the popup",
      async () => {
        const again = await popup();
        const told = (await words(again)).includes("did not take the last code");
        await again.close();
        return told;
      },
      25_000,
    ); // a click on the icon while a popup closes opens none, which takes 8 s to show
  });

  test("by a click on an otpauth: link", async () => {
    const { browser, open } = world;
    const page = await open("https://link.example/setup/link?user=lise");
    await page.click("#link");
    const told = await browser.popup();
    await confirm(told, "Save");
    await says(told, "Saved");
    expect(await kept("lise")).toMatchObject({ sites: ["https://link.example"] });
    expect(page.url()).toContain("/setup/link");
  });

  test("by the setup key, typed into the popup", async () => {
    const { open } = world;
    const page = await open("https://key.example/setup/key?user=emmy");
    const key = await page.$eval("#key", ({ textContent }) => textContent ?? "");
    const at = await popup();
    await press(at, "Other ways");
    await at.click("input[name=key]");
    await at.type(key.replaceAll(" ", ""));
    await press(at, "Read it");
    await says(at, "Add this account?");
    await at.click("input[name=account]");
    await at.type("emmy");
    await press(at, "Save");
    await says(at, "Saved");
    expect(await kept("emmy")).toMatchObject({ sites: ["https://key.example"] });
  });

  test("by a picture of it that is pasted", async () => {
    const { open, site } = world;
    const page = await open("https://paste.example/setup/key?user=petra");
    await page.bringToFront(); // only what has the focus may write to the clipboard
    const picture = qrPicture(site.enroll("petra").uri).toString("base64");
    await page.evaluate(async (picture) => {
      const bytes = Uint8Array.from(atob(picture), (each) => each.charCodeAt(0));
      const type = "image/png";
      await navigator.clipboard.write([new ClipboardItem({ [type]: new Blob([bytes], { type }) })]);
    }, picture);
    const at = await popup();
    await until("way to add", () => armed(at, READ));
    await at.paste();
    await says(at, "Add this account?");
    expect(await nameIn(at)).toBe("petra");
  });

  test("by a file with a picture, once what is none was turned away", async () => {
    const { browser, open, site, vault } = world;
    const file = join(vault.home, "qr.png");
    writeFileSync(file, qrPicture(site.enroll("fleur").uri));
    const page = await open("https://file.example/setup/key?user=fleur");
    const at = await popup();
    await press(at, "Other ways");
    await press(at, "Choose a picture file");
    await at.gone();
    const tab = await browser.picturePage();
    await tab.choose(join(extension, "icons/48.png"));
    await says(tab, "No QR code was found");
    if (tab.drop) {
      const folder = join(vault.home, "folder.png");
      mkdirSync(folder);
      await tab.drop(folder);
      await says(tab, "This picture cannot be read");
    }
    await (tab.drop ?? tab.choose)(file);
    const told = await browser.popup();
    await says(told, "Add this account?");
    expect(await nameIn(told)).toBe("fleur");
    expect(await tab.isOpen()).toBe(false);
    expect(await page.evaluate(() => document.visibilityState)).toBe("visible");
  });

  test("by marking a part of the page: Escape takes nothing, Enter all that is in sight, a drag a part", async () => {
    const { browser, open } = world;
    const page = await open("https://part.example/setup/qr?user=vera");
    const cover = () => page.evaluate(() => document.activeElement?.parentElement === document.documentElement);
    const covered = () => until("cover over the page", async () => (await cover()) && page.$("html > div"));
    for (const key of /** @type {const} */ (["Escape", "Enter"])) {
      const at = await popup();
      await pressByKeys(at, "Other ways");
      await pressByKeys(at, "Mark the QR code on the page");
      await at.gone();
      await covered();
      await page.keyboard.press(key);
      await until("end of the cover", async () => !(await page.$("html > div")));
    }
    const all = await browser.popup();
    await says(all, "Add this account?");
    expect(await nameIn(all)).toBe("vera");
    await press(all, "Cancel");
    await press(all, "Other ways");
    await press(all, "Mark the QR code on the page");
    await all.gone();
    await covered();
    const box = await page.$eval(".qr", (each) => each.getBoundingClientRect().toJSON());
    await page.mouse.move(box.left - 2, box.top - 2);
    await page.mouse.down();
    await page.mouse.move(box.right + 2, box.bottom + 2, { steps: 3 });
    await page.mouse.up();
    const told = await browser.popup();
    await says(told, "Add this account?");
    expect(await page.$("html > div")).toBeNull();
  });

  test("a QR code of something else, and a page without one, say so", async () => {
    const { open } = world;
    for (const [variant, text] of [
      ["other", "That is no account with one-time codes"],
      ["key", "No QR code was found"],
    ]) {
      await open(`https://none.example/setup/${variant}?user=nobody`);
      const at = await popup();
      await confirm(at, READ);
      await says(at, text ?? "");
      await at.close();
    }
    expect(await kept("nobody")).toBeUndefined();
  });

  test("an account that is in the vault is known, and used here once the user agrees", async () => {
    const { open, vault } = world;
    await open("https://second.example/setup/qr?user=ada&again");
    const at = await popup();
    await confirm(at, READ);
    await says(at, "This account is in your vault already");
    await confirm(at, "Use it here");
    await until("site of the account", async () => (await kept("ada"))?.sites.includes("https://second.example"));
    expect((await vault.list()).filter(({ account }) => account === "ada")).toHaveLength(1);
  });

  test("imported on the command line, filled in the browser, and sent where the account is set so", async () => {
    const { browser, open, site, vault } = world;
    const file = join(vault.home, "uris.txt");
    writeFileSync(file, `${site.enroll("jane").uri}\n`, { mode: 0o600 });
    await vault.run("import", file);
    await vault.run("edit", "jane", "--site", "import.example", "--submit", "on");
    const page = await open("https://import.example/code/one?user=jane");
    const before = site.attempts.length;
    await fillByPopup(browser);
    await page.waitForSelector("#welcome");
    expect(site.attempts.slice(before)).toMatchObject([{ user: "jane", accepted: true }]);
  });
});
