// Stock Firefox. Pages are driven through WebDriver BiDi. The popup is out of
// its reach, so that is used as a person would: keys and clicks come from
// xdotool, on a screen of our own. To know when to press, the test looks at the
// popup's document from the browser's own window (--remote-allow-system-access);
// it only reads there.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { press } from "./popup.mjs";
import { until } from "./until.mjs";

const extensionId = "extension@codefob";
const uuid = "c0def0b0-0000-4000-8000-000000000001";
const buttonId = "extension_codefob-browser-action";

/**
 * @param {import("./browser.mjs").LaunchOptions & { program: string, display?: import("./display.mjs").Display }} options
 * @returns {Promise<import("./browser.mjs").Driver>}
 */
export async function launchFirefox({ program, home, env, extension, site, display, inPrivate }) {
  const [proxyHost, proxyPort] = site?.proxy.split(":") ?? [];
  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: program,
    userDataDir: join(home, "firefox-profile"),
    headless: false,
    env,
    acceptInsecureCerts: true,
    defaultViewport: null,
    handleSIGINT: false,
    args: ["--width=1100", "--height=800", "--remote-allow-system-access"],
    extraPrefsFirefox: {
      "extensions.webextensions.uuids": JSON.stringify({ [extensionId]: uuid }),
      // puppeteer sets this, and Firefox then loses track of which window has the keys.
      "focusmanager.testmode": false,
      "browser.shell.checkDefaultBrowser": false,
      ...(inPrivate && { "browser.privatebrowsing.autostart": true }),
      "signon.rememberSignons": false,
      "browser.aboutwelcome.enabled": false,
      "datareporting.policy.dataSubmissionEnabled": false,
      ...(site && {
        "network.proxy.type": 1,
        "network.proxy.http": proxyHost,
        "network.proxy.http_port": Number(proxyPort),
        "network.proxy.ssl": proxyHost,
        "network.proxy.ssl_port": Number(proxyPort),
      }),
    },
  });
  await browser.installExtension(extension);
  const page = (await browser.pages())[0] ?? (await browser.newPage());

  // The browser's own window. puppeteer has no name for it, so these are plain BiDi commands.
  const bidi = /** @type {any} */ (browser).connection;
  const { result: tree } = await bidi.send("browsingContext.getTree", { "moz:scope": "chrome" });
  const target = { context: tree.contexts[0].context };
  /** @param {string} expression of a value that JSON can carry */
  const inWindow = async (expression) => {
    const { result } = await bidi.send("script.evaluate", {
      expression: `(async () => JSON.stringify(await (${expression})) ?? "null")()`,
      target,
      awaitPromise: true,
    });
    if (result.type !== "success") throw new Error(`in the browser's window: ${result.exceptionDetails?.text}`);
    return JSON.parse(result.result.value);
  };
  // As if the person had dragged the icon out of the extensions menu.
  await inWindow(`CustomizableUI.addWidgetToArea("${buttonId}", "nav-bar")`);

  const hand = () => {
    if (!display) throw new Error("keys and clicks need a screen of our own");
    return display;
  };
  const popupExpression = `[...document.querySelectorAll('browser[webextension-view-type="popup"]')]
    .find((each) => each.currentURI.spec.startsWith("moz-extension://${uuid}/"))`;
  const popupIsOpen = () => inWindow(`((b) => b?.closest("panel")?.state === "open")(${popupExpression})`);

  /** What is done and seen in a document of ours; which tells how to find its <browser>. @param {string} which */
  const view = (which) => {
    /** Runs a piece of code in the document; it must call `done` once. @param {string} code */
    const inside = (code) =>
      inWindow(`new Promise((resolve, reject) => {
      const view = ${which};
      if (!view) return reject(new Error("no such document"));
      const name = "codefob:" + Math.random();
      view.messageManager.addMessageListener(name, ({ data }) => resolve(data));
      view.messageManager.loadFrameScript("data:," + encodeURIComponent(
        "{const document = content.document; const done = (value) => sendAsyncMessage(" + JSON.stringify(name) + ", value);" +
        ${JSON.stringify(`${code}}`)}), false);
    })`);
    return /** @satisfies {Partial<import("./browser.mjs").Popup>} */ ({
      /** @type {import("./browser.mjs").Popup["read"]} */
      read: (look, ...args) => inside(`done((${look})(document, ...${JSON.stringify(args)}))`),
      press: (/** @type {string} */ key) =>
        hand().press({ Enter: "Return", ArrowDown: "Down", ArrowUp: "Up", Backspace: "BackSpace" }[key] ?? key),
      type: (/** @type {string} */ text) => hand().type(text),
      paste: () => hand().press("ctrl+v"),
      click: async (/** @type {string} */ selector) => {
        const at =
          await inside(`const box = document.querySelector(${JSON.stringify(selector)})?.getBoundingClientRect();
        done(box && { x: box.x + box.width / 2, y: box.y + box.height / 2 })`);
        if (!at) throw new Error(`no ${selector} in the document`);
        const [x, y] = await inWindow(`((b) => [b.screenX, b.screenY])(${which})`);
        await hand().click(x + at.x, y + at.y);
      },
      screenshot: async (/** @type {string} */ path) => {
        const url = await inWindow(`(async (view) => {
        const { width, height } = view.getBoundingClientRect();
        const picture = await view.browsingContext.currentWindowGlobal.drawSnapshot(new DOMRect(0, 0, width, height), 1, "white");
        const canvas = Object.assign(document.createElementNS("http://www.w3.org/1999/xhtml", "canvas"), { width, height });
        canvas.getContext("2d").drawImage(picture, 0, 0);
        return canvas.toDataURL();
      })(${which})`);
        writeFileSync(path, Buffer.from(url.split(",")[1], "base64"));
      },
    });
  };

  /** @type {import("./browser.mjs").Popup} */
  const popup = {
    ...view(popupExpression),
    close: async () => {
      await hand().press("Escape");
      await popup.gone();
    },
    gone: async () => void (await until("end of the popup", async () => !(await popupIsOpen()))),
    isOpen: popupIsOpen,
  };

  /** One of our pages, once it is in the tab in view. @param {string} name */
  const inTab = async (name) => {
    const isOpen = () =>
      inWindow(`gBrowser.selectedBrowser.currentURI.spec.startsWith("moz-extension://${uuid}/${name}.html")`);
    await until(
      `page ${name}`,
      async () => (await isOpen()) && !(await inWindow("gBrowser.selectedTab.hasAttribute('busy')")),
    );
    /** @satisfies {import("./browser.mjs").Popup} */
    const tab = {
      ...view("gBrowser.selectedBrowser"),
      close: () => inWindow("void gBrowser.removeTab(gBrowser.selectedTab)"),
      gone: async () => void (await until(`end of the page ${name}`, async () => !(await isOpen()))),
      isOpen,
    };
    return tab;
  };

  return {
    browser,
    page,
    id: extensionId,
    root: `moz-extension://${uuid}/`,
    options: async (at = "", name = "options") => {
      const url = JSON.stringify(`moz-extension://${uuid}/${name}.html${at}`);
      await inWindow(`void (gBrowser.selectedTab = gBrowser.addTrustedTab(${url}))`);
      return inTab(name);
    },
    picturePage: async () => {
      const tab = await inTab("picture");
      const choose = async (/** @type {string} */ path) => {
        const before = await hand().windows();
        await press(tab, "Choose a picture file");
        await until("dialog", async () => (await hand().windows()) > before);
        const ended = async () => (await hand().windows()) === before;
        // Keys that come before the dialog takes any are lost: they are typed again.
        for (let left = 2; ; left--) {
          await hand().press("ctrl+l");
          await hand().press("ctrl+a");
          await hand().type(path);
          await hand().press("Return");
          const end = await until("end of the dialog", ended, 4000).catch((error) => {
            if (left === 0) throw error;
          });
          if (end) return;
        }
      };
      return { ...tab, choose };
    },
    trust: async (hostKey) => {
      // As the browser itself keeps storage.local.
      await inWindow(`(async (key) => {
        const { ExtensionStorageIDB } = ChromeUtils.importESModule("resource://gre/modules/ExtensionStorageIDB.sys.mjs");
        const { extension } = WebExtensionPolicy.getByID("${extensionId}");
        const store = await ExtensionStorageIDB.open(ExtensionStorageIDB.getStoragePrincipal(extension), false);
        await (key ? store.set({ hostKey: key }) : store.clear());
        await store.close();
      })(${JSON.stringify(hostKey)})`);
    },
    allowInPrivate: async () => {
      const extensionData = { type: "path", path: extension };
      await bidi.send("webExtension.install", { extensionData, "moz:allowPrivateBrowsing": true });
    },
    clickIcon: async () => {
      const [x, y] = await until("toolbar icon", () =>
        inWindow(`((box) => box?.width && [box.x + box.width / 2 + mozInnerScreenX, box.y + box.height / 2 + mozInnerScreenY])(
          document.getElementById("${buttonId}")?.getBoundingClientRect())`),
      );
      await hand().click(x, y);
    },
    badge: () => inWindow(`document.querySelector("#${buttonId} [badge]")?.getAttribute("badge") ?? ""`),
    clipboard: () => inWindow("navigator.clipboard.readText()"),
    pressShortcut: () => hand().press("alt+shift+o"),
    click: async (selector, frame = page.mainFrame()) => {
      const [x, y] = await onScreen(frame, selector);
      await hand().click(x, y);
    },
    chooseMenuItem: async (selector) => {
      const [x, y] = await onScreen(page, selector);
      await hand().click(x, y, 3);
      const [left, top] = await until("menu item", () =>
        inWindow(`((item) => item?.parentElement.state === "open" && (({ width, height }) =>
            [item.screenX + width / 2, item.screenY + height / 2])(item.getBoundingClientRect()))(
          document.querySelector('#contentAreaContextMenu menuitem[label="Fill one-time code"]'))`),
      );
      await hand().click(left, top);
    },
    openedPopup: async () => ((await popupIsOpen()) ? popup : undefined),
    close: async () => {
      // What a host says on its standard error is a message of the browser's.
      const messages = `Services.console.getMessageArray().map(({ message }) => message)`;
      writeFileSync(join(home, "output.console"), (await inWindow(messages).catch(() => [])).join("\n"));
      await browser.close();
    },
  };
}

/** The middle of an element on the screen. @param {import("puppeteer-core").Page | import("puppeteer-core").Frame} frame @param {string} selector */
const onScreen = (frame, selector) =>
  frame.$eval(selector, (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    const { mozInnerScreenX: left, mozInnerScreenY: top } = /** @type {any} */ (window);
    return [left + x + width / 2, top + y + height / 2];
  });
