// A stock browser with the extension loaded, in a throwaway profile.

import { mkdirSync, writeFileSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { findProgram } from "./children.mjs";
import { launchChromium } from "./chromium.mjs";
import { startDisplay } from "./display.mjs";
import { launchFirefox } from "./firefox.mjs";
import { until } from "./until.mjs";

/**
 * @typedef {"chromium" | "firefox"} BrowserName
 *
 * @typedef {object} LaunchOptions
 * @property {BrowserName} browser
 * @property {string} home throwaway; HOME of the browser and, through it, of the host
 * @property {NodeJS.ProcessEnv} [env] beyond the usual, such as CODEFOB_HOME
 * @property {boolean} [headless] without a window, as far as the browser can: Firefox always has one, on a screen of our own
 * @property {string} extension the folder to load
 * @property {string} [hostKey] of the host that the extension trusts, as if the person had compared its code; without, it asks
 * @property {import("./site.mjs").Site} [site] trusted for names under .example
 * @property {boolean} [inPrivate] its windows are private ones, where the extension is only once it is allowed there
 * @property {boolean} [guided] a person uses it, on the screen that is there
 *
 * @typedef {object} Popup the extension's popup, open
 * @property {<A extends unknown[], R>(look: (document: Document, ...args: A) => R, ...args: A) => Promise<R>} read what its document says
 * @property {(key: string) => Promise<void>} press as in "Enter"
 * @property {(text: string) => Promise<void>} type
 * @property {() => Promise<void>} paste by the keys
 * @property {(selector: string) => Promise<void>} click
 * @property {(path: string) => Promise<void>} screenshot
 * @property {() => Promise<void>} close
 * @property {() => Promise<void>} gone waits until it closed
 * @property {() => Promise<boolean>} isOpen
 *
 * @typedef {object} Picker
 * @property {(path: string) => Promise<void>} choose a file, in the browser's dialog
 * @property {(path: string) => Promise<void>} [drop] a file, where the browser can be made to
 *
 * @typedef {object} Driver
 * @property {import("puppeteer-core").Browser} browser
 * @property {import("puppeteer-core").Page} page the one tab
 * @property {string} id of the extension
 * @property {string} root of its addresses
 * @property {(at?: string, name?: string) => Promise<Popup>} options opens the options page, at one of its parts, or another page of the extension, in a tab of its own
 * @property {() => Promise<Popup & Picker>} picturePage the page in a tab that takes a picture, once it is there
 * @property {(hostKey?: string) => Promise<void>} trust has the extension trust the host with this key, or none
 * @property {(act: () => unknown) => Promise<void>} [inWorld] runs a function where our content script in the tab in view runs, as a broken renderer might
 * @property {() => Promise<void>} allowInPrivate lets the extension into private windows
 * @property {() => Promise<void>} clickIcon on the toolbar
 * @property {() => Promise<string>} badge the mark on that icon
 * @property {() => Promise<string>} clipboard the text in it
 * @property {() => Promise<void>} pressShortcut Alt+Shift+O
 * @property {(selector: string, frame?: import("puppeteer-core").Frame) => Promise<void>} click in the page, so that the keys go there, too
 * @property {(selector: string) => Promise<void>} chooseMenuItem ours, in the menu of a right click on an element of the page
 * @property {() => Promise<Popup | undefined>} openedPopup
 * @property {() => Promise<void>} [endBackground] as the browser does at any moment; where it can be made to
 * @property {() => Promise<void>} close
 */

/** The program of a browser, or undefined. CHROMIUM and FIREFOX name another. @param {BrowserName} name */
export function findBrowser(name) {
  const chosen = name === "chromium" ? process.env.CHROMIUM : process.env.FIREFOX;
  const usual =
    name === "chromium"
      ? ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
      : ["firefox-esr", "firefox"];
  if (chosen) return isAbsolute(chosen) ? chosen : findProgram(chosen);
  return findProgram(...usual);
}

/**
 * @param {LaunchOptions} options
 * @returns {Promise<Driver & { name: BrowserName, display?: import("./display.mjs").Display, popup: (ms?: number) => Promise<Popup> }>}
 */
export async function launch(options) {
  const { browser: name, home, headless = true, guided = false } = options;
  const program = findBrowser(name);
  if (!program)
    throw new Error(`${name} is not installed: apt-get install ${name === "chromium" ? "chromium" : "firefox-esr"}`);
  const windowed = guided || name === "firefox" || !headless;
  const display = windowed && !guided ? await startDisplay() : undefined;
  // With XDG_CONFIG_HOME the browser would look for the host outside of HOME.
  /** @type {NodeJS.ProcessEnv} */
  const env = {
    ...process.env,
    ...options.env,
    HOME: home,
    TMPDIR: join(home, "tmp"),
    XDG_CONFIG_HOME: undefined,
    ...(display && { DISPLAY: display.name }),
  };
  mkdirSync(join(home, "tmp"), { recursive: true });
  if (display) delete env.WAYLAND_DISPLAY;
  const start = name === "chromium" ? launchChromium : launchFirefox;
  try {
    const driver = await start({
      ...options,
      env,
      headless: !windowed,
      guided,
      program: noted(program, home),
      display,
    });
    if (options.hostKey) await driver.trust(options.hostKey);
    return {
      ...driver,
      name,
      display,
      popup: (ms) => until(`popup in ${basename(program)}`, driver.openedPopup, ms),
      close: async () => {
        await driver.close();
        await display?.close();
      },
    };
  } catch (error) {
    await display?.close();
    throw error;
  }
}

/** A program that keeps what the browser, and through Chromium a host, says on its standard output and error. @param {string} program @param {string} home */
function noted(program, home) {
  const [script, output] = [join(home, "browser"), join(home, "output")];
  writeFileSync(script, `#!/bin/bash\nexec '${program}' "$@" >>'${output}' 2> >(exec tee -a '${output}' >&2)\n`, {
    mode: 0o700,
  });
  return script;
}
