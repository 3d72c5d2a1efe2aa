// A screen of our own: Xvfb with openbox, and a hand (xdotool) that types and
// clicks there as a person would.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { endChild, findProgram, firstLine, startChild } from "./children.mjs";
import { until } from "./until.mjs";

const run = promisify(execFile);

/** What a display needs, by Debian package. */
const needed = { Xvfb: "xvfb", openbox: "openbox", xdotool: "xdotool" };

/** The Debian packages that are missing for a display. */
export const missingForDisplay = () =>
  Object.entries(needed)
    .filter(([program]) => !findProgram(program))
    .map(([, packageName]) => packageName);

/**
 * @typedef {object} Display
 * @property {string} name as in ":7"
 * @property {(...keys: string[]) => Promise<void>} press X key names, as in "alt+shift+o"
 * @property {(x: number, y: number, button?: number) => Promise<void>} click 1 is the left button, 3 the right one
 * @property {(text: string) => Promise<void>} type
 * @property {() => Promise<boolean>} asks whether a dialog of pinentry has the keys
 * @property {() => Promise<void>} dialog waits until one has
 * @property {() => Promise<number>} windows how many there are to see, menus among them
 * @property {(path: string) => Promise<boolean>} screenshot of all that is on it; false where ImageMagick is missing
 * @property {() => Promise<void>} close
 */

/** @returns {Promise<Display>} */
export async function startDisplay() {
  const missing = missingForDisplay();
  if (missing.length) throw new Error(`a browser window needs a screen: apt-get install ${missing.join(" ")}`);
  // Xvfb picks a free number and writes it to descriptor 3 once it takes clients. Without -noreset
  // it starts over when its last client leaves, and turns the next one away meanwhile; without -r it
  // repeats a key that a busy computer lets go late.
  const server = startChild(
    "Xvfb",
    ["-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset", "-r"],
    {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    },
  );
  const name = `:${await firstLine(/** @type {import("node:stream").Readable} */ (server.stdio[3]))}`;
  const env = { ...process.env, DISPLAY: name };
  const manager = startChild("openbox", [], { env });
  const xdotool = (/** @type {string[]} */ ...args) => run("xdotool", args, { env });
  // Until the window manager rules, windows get no focus.
  await until("window manager", async () => (await xdotool("get_num_desktops")).stdout.trim() !== "");
  const hasKeys = async () => {
    const dialogs = (await xdotool("search", "--onlyvisible", "--class", "pinentry")).stdout.split("\n");
    return dialogs.includes((await xdotool("getactivewindow")).stdout.trim());
  };
  return {
    name,
    press: async (...keys) => void (await xdotool("key", "--clearmodifiers", ...keys)),
    click: async (x, y, button = 1) =>
      void (await xdotool("mousemove", String(Math.round(x)), String(Math.round(y)), "click", String(button))),
    type: async (text) => void (await xdotool("type", "--delay", "20", text)),
    asks: () => hasKeys().catch(() => false), // xdotool fails where there is no such window
    dialog: async () => void (await until("dialog of pinentry", hasKeys, 15_000)),
    windows: async () => (await xdotool("search", "--onlyvisible", "--name", "")).stdout.split("\n").length - 1,
    screenshot: async (path) => {
      if (!findProgram("import")) return false;
      await run("import", ["-window", "root", path], { env });
      return true;
    },
    close: async () => {
      await endChild(manager);
      await endChild(server);
    },
  };
}
