// Helper programs that must not outlive us: a display, a window manager, a
// session bus, a keyring.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The absolute path of the first of these programs that is installed. @param {string[]} names */
export function findProgram(...names) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
}

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Starts a program that ends with this process, however this process ends:
 * setpriv asks the kernel to kill it when its parent is gone.
 * @param {string} program
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 */
export function startChild(program, args, options) {
  const setpriv = findProgram("setpriv");
  const child = setpriv
    ? spawn(setpriv, ["--pdeathsig", "KILL", program, ...args], { stdio: "ignore", ...options })
    : spawn(program, args, { stdio: "ignore", ...options });
  running.add(child);
  child.on("exit", () => running.delete(child));
  child.on("error", () => running.delete(child));
  return child;
}

/** Ends a child and waits until it is gone. @param {import("node:child_process").ChildProcess} child */
export async function endChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 2000);
  await gone;
  clearTimeout(late);
}

/** The first line that a stream gives. @param {import("node:stream").Readable} stream @returns {Promise<string>} */
export function firstLine(stream) {
  return new Promise((resolve, reject) => {
    let text = "";
    stream.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")).trim());
    });
    stream.on("end", () => reject(new Error("it ended without a word")));
  });
}
