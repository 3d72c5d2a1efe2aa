import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { chip } from "./chip.mjs";
import { expectAccepted, fieldValue, inBrowsers } from "./harness.mjs";
import { confirm, press, says, words } from "./popup.mjs";
import { until } from "./until.mjs";

inBrowsers("rescue", { ada: { sites: ["twitter.com"], issuer: "Twitter" } }, (world) => {
  const address = (/** @type {string} */ page, host = "x.com") => `https://${host}/code/${page}?user=ada`;

  test("an account of twitter.com serves x.com, once the user agreed", async () => {
    const { browser, open } = world;
    const page = await open(address("one"));
    await chip(page);
    await browser.clickIcon();
    const popup = await browser.popup();
    await confirm(popup);
    await says(popup, "on x.com?");
    await confirm(popup, "Use it here");
    await until("code in the field", () => fieldValue(page));
    await expectAccepted(world, "ada");
  });

  test("a text message that does not come: short codes such as 40404, and the way to an app", async () => {
    const { browser, open } = world;
    const page = await open(address("sms"));
    await browser.clickIcon();
    const popup = await browser.popup();
    await says(popup, "This code comes as a text message");
    const text = await words(popup);
    expect(text).toContain("••• ••• 42");
    expect(text).toContain("40404");
    await press(popup, "Do without such messages");
    await says(popup, "X is in your vault already");
    expect(await fieldValue(page)).toBe("");
    await popup.close();
  });

  test("signed in again, the user is reminded, until it is done", async () => {
    const { browser, open } = world;
    await open(address("sms", "www.linkedin.com"));
    await browser.clickIcon();
    const wish = await browser.popup();
    await press(wish, "Do without such messages");
    await press(wish, "Remind me when I am signed in");
    await says(wish, "You will be reminded");
    await wish.close();
    await open(address("home", "www.linkedin.com"));
    await until("mark on the icon", async () => (await browser.badge()) === "!");
    await browser.clickIcon();
    const popup = await browser.popup();
    await says(popup, "You wanted to be reminded");
    await press(popup, "It is done");
    await until("no reminder", async () => !(await words(popup)).includes("You wanted to be reminded"));
    await until("no mark on the icon", async () => (await browser.badge()) === "");
    await popup.close();
    await open(address("home", "www.linkedin.com"));
    await browser.clickIcon();
    const after = await browser.popup();
    await says(after, "No account for www.linkedin.com");
    expect(await words(after)).not.toContain("You wanted to be reminded");
    expect(await browser.badge()).toBe("");
  });

  test("a recovery code fills where one is asked for, and never twice; with three left it is time for new ones", async () => {
    const { browser, open, vault, accounts } = world;
    const codes = ["cccc-dddd-1111", "aaaa-bbbb-2222", "gggg-hhhh-3333", "eeee-ffff-4444"];
    accounts["ada"]?.recovery.push(...codes);
    const file = join(vault.home, "codes");
    writeFileSync(file, codes.join("\n"), { mode: 0o600 });
    await vault.run("recovery", "ada", "--add", file);
    const page = await open(address("recovery"));
    await browser.clickIcon();
    const popup = await browser.popup();
    await says(popup, "Recovery codes left: 4");
    expect(await words(popup)).not.toContain("Few recovery codes are left");
    await press(popup, "Fill recovery code");
    await until("recovery code in the field", async () => (await fieldValue(page)) === codes[0]);
    await expectAccepted(world, "ada");
    await open(address("recovery"));
    await browser.clickIcon();
    const again = await browser.popup();
    await says(again, "Recovery codes left: 3");
    expect(await words(again)).toContain("Few recovery codes are left. Make new ones at the service");
  });
});
