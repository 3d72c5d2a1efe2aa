import { expect, test } from "vitest";
import { chip } from "./chip.mjs";
import { expectAccepted, fieldValue, inBrowsers } from "./harness.mjs";
import { press, says, words } from "./popup.mjs";
import { hold, until } from "./until.mjs";

inBrowsers("teaching", { ada: { sites: ["odd.example"] }, bella: { sites: ["behind.example"] } }, (world) => {
  test("a field that says nothing is taught, fills, and is known at the next visit", async () => {
    const { browser, open } = world;
    const address = "https://odd.example/code/odd?user=ada";
    await open(address);
    await browser.clickIcon();
    const popup = await browser.popup();
    await says(popup, "No field for a code was found");
    await press(popup, "Why no code here?");
    await says(popup, "Response");
    expect(await words(popup)).toContain("Takes no code");
    await press(popup, "This takes my authenticator code");
    await says(popup, "You said: it takes my authenticator code");
    await press(popup, "Back");
    await says(popup, "Fill code on");
    await popup.close();

    const page = await open(address);
    await chip(page);
    await browser.clickIcon();
    const again = await browser.popup();
    await says(again, "Fill code on");
    await press(again, "Fill code");
    await until("code in the field", () => fieldValue(page));
    await expectAccepted(world, "ada");
  });

  test("a field that is none is taught, and left alone at the next visit", async () => {
    const { browser, open } = world;
    const address = "https://odd.example/code/false?user=ada";
    await chip(await open(address));
    await browser.clickIcon();
    const popup = await browser.popup();
    await press(popup, "Wrong field?");
    await press(popup, "Never here");
    await says(popup, "You said: never here");
    await popup.close();
    const page = await open(address);
    await hold("no chip", 1500, async () => (await page.$("[popover=manual]")) === null);
  });

  test("the code goes behind a typed password, for an account set so, and nowhere else", async () => {
    const { browser, open, vault, accounts } = world;
    await vault.run("edit", "bella", "--append", "on");
    const page = await open("https://behind.example/code/behind?user=bella");
    await browser.clickIcon();
    const early = await browser.popup();
    await says(early, "Where the code goes behind the password");
    await early.close();
    await page.type("#code", accounts["bella"]?.password ?? "");
    await browser.clickIcon();
    const popup = await browser.popup();
    await says(popup, "Put the code behind your password on");
    await press(popup, "Add code to password");
    await until("password and code", async () => /-secret\d{6}$/.test(await fieldValue(page)));
    await expectAccepted(world, "bella");
  });
});
