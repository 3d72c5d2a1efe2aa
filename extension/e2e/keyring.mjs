// A Secret Service of our own: gnome-keyring on a private D-Bus session, open,
// with nothing in it. It ends with us and leaves nothing behind.

import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { endChild, findProgram, firstLine, startChild } from "./children.mjs";
import { until } from "./until.mjs";

/** Whether this computer can have one. */
export const canStartKeyring = () =>
  process.platform === "linux" &&
  ["dbus-daemon", "dbus-send", "gnome-keyring-daemon"].every((name) => findProgram(name));

/**
 * @param {string} home throwaway, for the keyring's files
 * @returns {Promise<{ env: NodeJS.ProcessEnv, close: () => Promise<void> }>} env: what programs need to find it
 */
export async function startKeyring(home) {
  const runtime = join(home, "runtime");
  mkdirSync(runtime, { recursive: true, mode: 0o700 });
  const bus = startChild("dbus-daemon", ["--session", "--nofork", "--print-address=1"], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, HOME: home },
  });
  const address = await firstLine(/** @type {import("node:stream").Readable} */ (bus.stdout));
  const env = { DBUS_SESSION_BUS_ADDRESS: address };
  const all = { ...process.env, ...env, HOME: home, XDG_RUNTIME_DIR: runtime, XDG_DATA_HOME: join(home, "data") };
  const options = ["--unlock", "--foreground", "--components=secrets"];
  const keyring = startChild("gnome-keyring-daemon", options, { env: all, stdio: ["pipe", "ignore", "ignore"] });
  keyring.stdin?.end("demo"); // its passphrase; the keyring is new and goes away again
  const question = ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"];
  await until("Secret Service", async () => {
    const has = ["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"];
    return (await promisify(execFile)("dbus-send", [...question, ...has], { env: all })).stdout.includes("true");
  });
  return {
    env,
    close: async () => {
      await endChild(keyring);
      await endChild(bus);
    },
  };
}
