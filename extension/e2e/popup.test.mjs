import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectAccepted, fieldValue, inBrowsers } from "./harness.mjs";
import { armed, confirm, says, unlock, words } from "./popup.mjs";
import { hold, until } from "./until.mjs";

// The popup as a target; see also confirm.test.mjs, and src/popup.test.ts.

const LONG = `${[..."abc"].map((letter) => letter.repeat(63)).join(".")}.xn--bcher-kva.example`;

inBrowsers(
  "the popup as a target",
  {
    ada: { sites: ["popup.example"] },
    bella: { sites: ["worker.example"] },
    carol: { sites: [LONG] },
  },
  (world) => {
    const empty = (/** @type {import("puppeteer-core").Page} */ page, ms = 500) =>
      hold("empty field", ms, async () => (await fieldValue(page)) === "");

    /** Opens a page with a field, and the popup over it. @param {string} url */
    async function popupOver(url) {
      const page = await world.open(url);
      await world.browser.clickIcon();
      return { page, popup: await world.browser.popup() };
    }

    test("E8 a page can frame, open and load nothing of the extension", async () => {
      const { browser, open } = world;
      const page = await open("https://evil.example/code/none?user=ada&bare");
      const loaded = await page.evaluate(async (root) => {
        for (const name of ["popup", "options", "picture"]) {
          const frame = document.createElement("iframe");
          frame.src = `${root}${name}.html`;
          document.body.append(frame);
          try {
            open(frame.src);
          } catch {} // Firefox says so at once
        }
        const load = (/** @type {string} */ tag, /** @type {object} */ what) =>
          new Promise((resolve) => {
            const element = Object.assign(document.createElement(tag), what);
            element.addEventListener("load", () => resolve(`${tag} loaded`));
            element.addEventListener("error", () => resolve(""));
            document.body.append(element);
          });
        return Promise.all([
          load("img", { src: `${root}icons/32.png` }),
          load("script", { src: `${root}popup.js` }),
          load("link", { rel: "stylesheet", href: `${root}popup.css` }),
          fetch(`${root}manifest.json`).then(
            () => "fetched",
            () => "",
          ),
        ]);
      }, browser.root);
      expect(loaded).toEqual(["", "", "", ""]);
      expect(page.frames()).toHaveLength(4);
      const seen = async () => [...page.frames(), ...(await browser.browser.pages())].map((each) => each.url());
      await hold(
        "nothing of the extension",
        500,
        async () => !(await seen()).some((url) => url.startsWith(browser.root)),
      );
      for (const each of await browser.browser.pages()) if (each !== page) await each.close();
    });

    test("E8 the popup's document in a tab is told nothing", async () => {
      const { browser, open } = world;
      await open("https://popup.example/code/one?user=ada");
      const tab = await browser.options("", "popup");
      await says(tab, "Asking Codefob");
      await hold("nothing but that", 1000, async () => (await words(tab)).trim() === "Asking Codefob…");
      await tab.close();
    });

    test("E9 another extension reaches nobody here, whatever it says, from its background or a page", async () => {
      const { browser, open, vault } = world;
      const url = "https://popup.example/code/one?user=ada&foreign";
      const folder = mkdtempSync(join(tmpdir(), "codefob-foreign-"));
      const manifest = {
        manifest_version: 3,
        name: "Foreign",
        version: "1",
        browser_specific_settings: { gecko: { id: "foreign@example" } },
        background: { service_worker: "background.js", scripts: ["background.js"] },
        content_scripts: [{ matches: [url], js: ["page.js"] }],
      };
      const said = `(${reach})(${JSON.stringify([browser.id, sayings(), names()])})`;
      writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
      writeFileSync(
        join(folder, "background.js"),
        `chrome.runtime.onMessage.addListener((message, sender, reply) => { ${said}.then(reply); return true; })`,
      );
      writeFileSync(
        join(folder, "page.js"),
        `Promise.all([${said}, chrome.runtime.sendMessage("go")]).then((said) =>
          document.documentElement.setAttribute("data-said", JSON.stringify(said)))`,
      );
      const before = await vault.list();
      const foreign = await browser.browser.installExtension(folder);
      try {
        const page = await open(url);
        const answers = await until("answers", () =>
          page.evaluate(() => document.documentElement.getAttribute("data-said")),
        );
        const nobody = Array(sayings().length + names().length).fill("nobody");
        expect(JSON.parse(answers)).toEqual([nobody, nobody]);
        await empty(page);
        expect(await browser.openedPopup()).toBeUndefined();
        expect(await vault.list()).toEqual(before);
      } finally {
        await browser.browser.uninstallExtension(foreign);
        rmSync(folder, { recursive: true });
      }
    });

    test("the whole of a long host is in sight, with its ASCII letters", async () => {
      const { popup } = await popupOver(`https://${LONG}/code/one?user=carol`);
      await says(popup, "Fill code on");
      const [text, inSight] = await popup.read((document) => {
        const host = /** @type {HTMLElement} */ (document.querySelector(".host"));
        const { left, right, top, bottom } = host.getBoundingClientRect();
        const { innerWidth = 0, innerHeight = 0 } = document.defaultView ?? {};
        const whole = host.scrollWidth <= host.clientWidth && host.scrollHeight <= host.clientHeight;
        return [host.innerText, whole && left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight];
      });
      expect([text, inSight]).toEqual([LONG, true]);
    });

    test("a key that was held, or pressed, before the popup opened confirms nothing", async ({ skip }) => {
      const { browser } = world;
      if (browser.name !== "chromium") return skip("the screen that Firefox has here repeats no keys");
      const { page, popup } = await popupOver("https://popup.example/code/one?user=ada");
      await until("armed button", () => armed(popup, "Fill code"));
      const target = browser.browser.targets().find((each) => each.url().startsWith(`${browser.root}popup.html`));
      const input = await target?.createCDPSession();
      const enter = { key: "Enter", code: "Enter", windowsVirtualKeyCode: 13, text: "\r" };
      for (let i = 0; i < 10; i++)
        await input?.send("Input.dispatchKeyEvent", { type: "keyDown", ...enter, autoRepeat: true });
      await input?.send("Input.dispatchKeyEvent", { type: "keyUp", ...enter });
      await input?.send("Input.dispatchKeyEvent", {
        type: "keyUp",
        key: " ",
        code: "Space",
        windowsVirtualKeyCode: 32,
      });
      await empty(page);
      expect(await armed(popup, "Fill code")).toBe(true);
    });

    test.each(["its popup is closed", "another tab comes in view"])(
      "E22 between confirm and code %s: nothing is filled",
      async (what) => {
        const { browser, vault } = world;
        const { page, popup } = await popupOver("https://popup.example/code/one?user=ada");
        await until("armed button", () => armed(popup, "Fill code"));
        const hosts = vault.hosts(); // one that ends may be among them still
        for (const host of hosts) process.kill(host, "SIGSTOP"); // the code is asked for, and does not come
        let other;
        try {
          await confirm(popup);
          await says(popup, "Filling");
          if (what === "its popup is closed") await popup.close();
          else other = await browser.browser.newPage();
        } finally {
          for (const host of hosts) process.kill(host, "SIGCONT");
        }
        await empty(page);
        await other?.close();
      },
    );

    test("E24 the background is ended at each step: nothing is filled, and the next try works", async ({ skip }) => {
      const { browser, open, vault } = world;
      const { endBackground } = browser;
      if (!endBackground) return skip("Firefox is not made to end it");
      const page = await open("https://worker.example/code/one?user=bella");
      await until("mark", async () => (await browser.badge()) === "1");
      await endBackground(); // the field is known
      await browser.clickIcon();
      const popup = await browser.popup();
      await unlock(popup); // the host went with it
      await until("armed button", () => armed(popup, "Fill code"));
      await endBackground(); // the popup shows it
      await unlock(popup);
      await until("armed button", () => armed(popup, "Fill code"));
      const [host = 0] = vault.hosts();
      process.kill(host, "SIGSTOP");
      await confirm(popup);
      await says(popup, "Filling");
      await endBackground(); // the code is asked for
      if (vault.hosts().includes(host)) process.kill(host, "SIGCONT");
      await unlock(popup);
      await empty(page);
      await confirm(popup);
      await until("code in the field", () => fieldValue(page));
      await expectAccepted(world, "bella");
    });
  },
);

const source = readFileSync(new URL("../src/messages.ts", import.meta.url), "utf8");

/** The names of our ports, and what else we say in one word. */
const names = () => [...source.matchAll(/^export const \w+ = "([^"]+)";/gm)].map(([, name]) => name);

/** A message of each type that ours send one another, with all that any of them has. */
function sayings() {
  const types = [...source.matchAll(/\btype: ("\w+"(?: \| "\w+")*)/g)].flatMap(([, all]) => all.match(/\w+/g) ?? []);
  const otpauth = "otpauth://totp/A?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
  const rest = {
    ...{ tab: 1, page: 1, state: 1, ask: 1, look: 1, fill: 1, max: 6, offset: 0, focused: true, allow: true },
    ...{
      handle: "1",
      query: "",
      text: otpauth,
      key: "k",
      code: "123456",
      purpose: "copy",
      origin: "https://popup.example",
    },
    ...{ field: { number: 1, kind: "totp" }, outcome: { ok: true, step: "keys" }, from: "page", picture: "AAAA" },
  };
  const typed = [...new Set(types)].map((type) => ({ type, ...rest }));
  return [...names(), ...typed, { otpauth }, { clear: "123456" }];
}

/** Runs in another extension: what it hears from ours. @param {[string, unknown[], string[]]} of its id, what is said to it, and the names of ports to it */
function reach([id, sayings, names]) {
  const { runtime } = /** @type {any} */ (globalThis).chrome;
  const said = sayings.map((each) =>
    runtime.sendMessage(id, each).then(
      () => "somebody",
      () => "nobody",
    ),
  );
  for (const name of names) {
    const port = runtime.connect(id, { name });
    said.push(
      new Promise((resolve) => {
        port.onMessage.addListener(() => resolve("somebody"));
        port.onDisconnect.addListener(() => resolve(runtime.lastError || port.error ? "nobody" : "somebody"));
      }),
    );
    for (const each of sayings) port.postMessage(each);
  }
  return Promise.all(said);
}
