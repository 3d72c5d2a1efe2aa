import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { launch } from "./browser.mjs";
import { endChild, firstLine, startChild } from "./children.mjs";
import { expectAccepted, extension, fieldValue, fillByPopup, leftBehind } from "./harness.mjs";
import { confirm, says, unlock } from "./popup.mjs";
import { startSite } from "./site.mjs";
import { until } from "./until.mjs";
import { makeVault, program } from "./vault.mjs";

/** @typedef {import("./vault.mjs").Vault} Vault */

/** A command at a terminal, which the words of a person need: what it says, and what a person types. @param {Vault} vault @param {string[]} args */
function typing({ home, env }, ...args) {
  const line = [program, ...args, "--vault-passphrase-file", join(home, "passphrase")]
    .map((each) => `'${each}'`)
    .join(" ");
  const child = startChild("script", ["-qec", line, "/dev/null"], {
    env: { ...process.env, ...env, HOME: home },
    stdio: "pipe",
  });
  let said = "";
  child.stdout?.on("data", (part) => {
    said += part;
  });
  return {
    /** What it says, once that has a pattern. @param {RegExp} pattern */
    says: (pattern) =>
      until(String(pattern), () => pattern.exec(said)).catch((error) => {
        throw new Error(`${error}; it says:\n${said}`);
      }),
    type: (/** @type {string} */ text) => child.stdin?.write(`${text}\n`),
    done: new Promise((resolve) => child.on("exit", resolve)),
  };
}

/** Has one computer let another in, as two people at their terminals do. @param {Vault} old @param {Vault} next @param {string} where */
async function letIn(old, next, where) {
  const add = typing(old, "devices", "add");
  const enter = typing(next, "devices", "join", where, "--name", "laptop");
  const [words = ""] = await add.says(/^([a-z]+ ){9}[a-z]+/m);
  await enter.says(/ten words/);
  enter.type(words);
  const same = /very same three words: (.*\w)/;
  const [, theirs] = await enter.says(same);
  expect((await add.says(same))[1]).toBe(theirs);
  await add.says(/is it yours/);
  add.type("y");
  await add.says(/Its name/);
  add.type("");
  expect(await Promise.all([add.done, enter.done])).toEqual([0, 0]);
}

/** A computer with a vault of its own, which is open in its browser. @param {"chromium" | "firefox"} name @param {Vault} vault */
async function start(name, vault) {
  const { home, env, hostKey } = vault;
  const browser = await launch({ browser: name, home, env, hostKey, extension, site });
  const { page } = browser;
  await page.goto(`${site.origin}/code/none?user=ada`);
  await browser.clickIcon();
  const popup = await browser.popup();
  await unlock(popup);
  await popup.close();
  return { vault, browser, page };
}

/** A relay, with what it keeps in a folder. @param {string} folder */
async function startRelay(folder) {
  const server = createServer();
  await new Promise((listens) => server.listen(0, "127.0.0.1", () => listens(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await new Promise((closed) => server.close(closed));
  const address = `127.0.0.1:${port}`;
  // As the tests of Go build it, which have done so by now: there is much in it.
  const root = resolve(import.meta.dirname, "../..");
  const program = join(root, "build/codefob-relay-e2e");
  await promisify(execFile)("go", ["build", "-o", program, "./native-host/codefob-relay"], { cwd: root });
  const args = ["--host", "127.0.0.1", "--listen", address, "--data", folder];
  const child = startChild(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  if (child.stderr) expect(await firstLine(child.stderr)).toContain("the relay is ready");
  return { child, url: `ws://${address}` };
}

/** @type {Awaited<ReturnType<typeof start>>[]} */
const computers = [];
/** @type {import("./site.mjs").Site} */
let site;
/** @type {Awaited<ReturnType<typeof startRelay>>} */
let relay;
const began = Date.now();

beforeAll(async () => {
  site = await startSite();
  site.enroll("ada");
  const [desk, laptop] = await Promise.all([makeVault({ like: /** @type {any} */ (inject)("template") }), makeVault()]);
  relay = await startRelay(join(desk.home, "relay")); // which is looked through at the end, too
  await desk.add(site.enroll("bella").uri, "one.example");
  await desk.run("sync", "relay", relay.url, "--name", "desk");
  await letIn(desk, laptop, relay.url);
  computers.push(await start("chromium", desk));
  computers.push(await start("firefox", laptop));
}, 180_000);
afterAll(async () => {
  await Promise.all(computers.map(({ browser }) => browser.close()));
  if (relay) await endChild(relay.child);
  try {
    for (const { vault } of computers) expect(leftBehind({ site, vault }, began)).toEqual([]);
  } finally {
    for (const { vault } of computers) vault.remove();
    await site?.close();
  }
});

test("an account that is added in one browser fills in that of another computer", async () => {
  const [desk, laptop] = /** @type {[typeof computers[0], typeof computers[0]]} */ (computers);
  const devices = await laptop.browser.options("#devices");
  await says(devices, "desk");
  await says(devices, "It has everything");
  await devices.close();
  await laptop.page.bringToFront();

  await desk.page.goto("https://setup.example/setup/qr?user=ada&again");
  await desk.browser.clickIcon();
  const popup = await desk.browser.popup();
  await confirm(popup, "Add the QR code on this page");
  await says(popup, "Add this account?");
  await laptop.page.goto("https://setup.example/code/one?user=ada");
  await confirm(popup, "Save");
  await says(popup, "Saved");
  await until("account on the other computer", async () => (await laptop.vault.list()).length === 2, 2000);
  await fillByPopup(laptop.browser);
  await until("code in the field", () => fieldValue(laptop.page));
  await expectAccepted(/** @type {any} */ ({ site, browser: laptop.browser }), "ada");
});
