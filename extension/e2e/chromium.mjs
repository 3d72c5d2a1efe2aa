// Stock Chromium, driven through its debugging pipe. The popup is a page like
// any other there, and the input that the debugger sends is trusted input.

import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { press } from "./popup.mjs";
import { until } from "./until.mjs";

/** Fixed by "key" in manifest.json. */
export const extensionId = "nfiddnekmhabbidckdaffhidhibipplp";
const root = `chrome-extension://${extensionId}/`;
const popupURL = `${root}popup.html`;

/**
 * @param {import("./browser.mjs").LaunchOptions & { program: string, display?: import("./display.mjs").Display }} options
 * @returns {Promise<import("./browser.mjs").Driver>}
 */
export async function launchChromium({ program, home, env, headless, extension, site, display, guided, inPrivate }) {
  // Chromium refuses to be debugged in its default profile, so the profile
  // stands beside it and shares the folder where `codefob install` registers.
  const profile = join(home, "chromium-profile");
  const registered = join(home, ".config/chromium/NativeMessagingHosts");
  mkdirSync(profile, { recursive: true });
  mkdirSync(registered, { recursive: true });
  symlinkSync(registered, join(profile, "NativeMessagingHosts"));

  const browser = await puppeteer.launch({
    executablePath: program,
    headless,
    pipe: true,
    enableExtensions: true,
    userDataDir: profile,
    env,
    handleSIGINT: false, // demo.mjs ends it in good order; elsewhere it ends with its pipe or its screen
    defaultViewport: headless ? { width: 1000, height: 720 } : null,
    ...(guided && { ignoreDefaultArgs: ["--enable-automation"] }),
    args: [
      ...["--no-first-run", "--no-default-browser-check", "--disable-gpu", "--disable-quic", "--disable-sync"],
      ...["--disable-background-networking", "--disable-component-update", "--password-store=basic"],
      "--disable-save-password-bubble",
      ...(guided && process.getuid?.() !== 0 ? [] : ["--no-sandbox"]),
      ...(site ? [`--proxy-server=${site.proxy}`, `--ignore-certificate-errors-spki-list=${site.spki}`] : []),
      ...(inPrivate ? ["--incognito"] : []),
      ...(headless ? [] : ["--window-size=1100,800", "--window-position=40,40"]),
    ],
  });
  await browser.installExtension(extension);
  const session = await browser.target().createCDPSession();
  const page = (await browser.pages())[0] ?? (await browser.newPage());
  /** Runs something in the background. @param {string | ((arg: any) => unknown)} act @param {unknown} [arg] @returns {Promise<any>} */
  const inBackground = async (act, arg) => {
    const url = `chrome-extension://${extensionId}/background.js`;
    const target = await browser.waitForTarget((each) => each.url() === url);
    const worker = await target.worker();
    // A worker that has just started has nothing of the browser's yet.
    await until("background", () => worker?.evaluate("typeof chrome === 'object' && Boolean(chrome.storage)"));
    return worker?.evaluate(act, arg);
  };

  return {
    browser,
    page,
    id: extensionId,
    root,
    options: async (at = "", name = "options") => {
      const tab = await browser.newPage();
      await tab.goto(`${root}${name}.html${at}`);
      return chromiumPopup(tab);
    },
    picturePage: async () => {
      const opened = await browser.waitForTarget((each) =>
        each.url().startsWith(`chrome-extension://${extensionId}/picture.html`),
      );
      const tab = await opened.asPage();
      const view = chromiumPopup(tab);
      const choose = async (/** @type {string} */ path) => {
        const [dialog] = await Promise.all([tab.waitForFileChooser(), press(view, "Choose a picture file")]);
        await dialog.accept([path]);
      };
      const drop = async (/** @type {string} */ path) => {
        const data = { items: [], files: [path], dragOperationsMask: 1 };
        const cdp = await tab.createCDPSession();
        for (const type of /** @type {const} */ (["dragEnter", "dragOver", "drop"]))
          await cdp.send("Input.dispatchDragEvent", { type, x: 100, y: 100, data });
      };
      return { ...view, choose, drop };
    },
    trust: (hostKey) =>
      inBackground((key) => (key ? chrome.storage.local.set({ hostKey: key }) : chrome.storage.local.clear()), hostKey),
    allowInPrivate: async () => {
      // @ts-expect-error newer than puppeteer's protocol types
      await session.send("Extensions.loadUnpacked", { path: extension, enableInIncognito: true });
    },
    clickIcon: async () => {
      const { targetInfos } = await session.send("Target.getTargets", { filter: [{ type: "tab" }] });
      const tab = targetInfos.find(({ url }) => url === page.url());
      // @ts-expect-error newer than puppeteer's protocol types
      await session.send("Extensions.triggerAction", { id: extensionId, targetId: tab?.targetId });
    },
    inWorld: async (act) => {
      const run = `chrome.tabs.query({ active: true, lastFocusedWindow: true }).then(([{ id }]) =>
        chrome.scripting.executeScript({ target: { tabId: id }, func: ${act} }))`;
      await inBackground(run);
    },
    badge: async () => {
      const look = async () => {
        const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
        return chrome.action.getBadgeText({ tabId: tab?.id });
      };
      return (await inBackground(look)) ?? "";
    },
    clipboard: async () => {
      const may = /** @type {const} */ (["clipboard-read", "clipboard-sanitized-write"]);
      await browser.defaultBrowserContext().overridePermissions(new URL(page.url()).origin, [...may]);
      await page.bringToFront(); // only what has the focus may read it
      return page.evaluate(() => navigator.clipboard.readText());
    },
    pressShortcut: async () => {
      if (!display) throw new Error("a browser command needs a window: launch with headless: false");
      await page.bringToFront();
      await display.press("alt+shift+o");
    },
    click: async (selector, frame = page.mainFrame()) => {
      await page.bringToFront();
      await frame.click(selector);
    },
    chooseMenuItem: async (selector) => {
      if (!display) throw new Error("a menu needs a window: launch with headless: false");
      await page.bringToFront();
      const { x, y } = await onScreen(page, selector);
      const before = await display.windows();
      await display.click(x, y, 3);
      await until("menu", async () => (await display.windows()) > before);
      await display.press("f"); // the only item that begins so: Fill one-time code
    },
    openedPopup: async () => {
      const target = browser.targets().find((each) => each.url().startsWith(popupURL));
      const popup = await target?.asPage();
      return popup && chromiumPopup(popup);
    },
    endBackground: async () => {
      const target = await browser.waitForTarget((each) => each.url() === `${root}background.js`);
      await (await target.worker())?.close();
    },
    close: () => browser.close(),
  };
}

/** @param {import("puppeteer-core").Page} popup @returns {import("./browser.mjs").Popup} */
function chromiumPopup(popup) {
  // An act that closes the popup takes its own answer with it.
  const closing = (/** @type {Promise<unknown>} */ act) =>
    act.catch((error) => {
      if (!/closed|detached|destroyed|no target/i.test(String(error))) throw error;
    });
  /** @type {import("./browser.mjs").Popup["read"]} */
  const read = (look, ...args) =>
    /** @type {Promise<any>} */ (popup.evaluate(`(${look})(document, ...${JSON.stringify(args)})`));
  return {
    read,
    press: async (key) => void (await closing(popup.keyboard.press(/** @type {any} */ (key)))),
    type: async (text) => void (await popup.keyboard.type(text)),
    paste: () => popup.keyboard.press("KeyV", { commands: ["Paste"] }),
    click: async (selector) => void (await closing(popup.click(selector))),
    screenshot: async (path) => void (await popup.screenshot({ path: /** @type {any} */ (path) })),
    close: async () => void (await closing(popup.close())),
    gone: async () => void (await until("end of the popup", () => popup.isClosed())),
    isOpen: async () => !popup.isClosed(),
  };
}

/** The middle of an element on the screen. @param {import("puppeteer-core").Page} page @param {string} selector */
const onScreen = (page, selector) =>
  page.$eval(selector, (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    // The window's frame is as wide below as at the sides; what is above the page is not.
    const side = (outerWidth - innerWidth) / 2;
    return { x: screenX + side + x + width / 2, y: screenY + outerHeight - innerHeight - side + y + height / 2 };
  });
