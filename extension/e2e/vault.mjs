// A throwaway home with a real vault in it, made with the program's own
// commands, and a pinentry program that gives the passphrase by itself.

import { execFile } from "node:child_process";
import { createPublicKey, randomBytes } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

/** The host, as `make build` leaves it; CODEFOB names another. */
export const program = resolve(process.env.CODEFOB ?? join(import.meta.dirname, "../../build/codefob"));

/**
 * @typedef {object} Vault
 * @property {string} home HOME of whoever uses it
 * @property {NodeJS.ProcessEnv} env
 * @property {string} hostKey the public key of its host, as the extension keeps the one that it trusts
 * @property {(...args: string[]) => Promise<string>} run the program with these arguments, with the passphrase at hand; gives its standard output
 * @property {(uri: string, ...sites: string[]) => Promise<void>} add
 * @property {() => Promise<Array<{ account: string, sites: string[], counter?: number }>>} list the accounts as they are on disk
 * @property {() => number[]} hosts the ids of the host processes that browsers run on this vault
 * @property {() => number} prompts how often pinentry was asked for the passphrase
 * @property {string} passphrase
 * @property {(...answers: string[]) => void} answerFirst what pinentry says before it gives the right passphrase
 * @property {() => void} remove
 */

/**
 * Makes a vault and registers the host with both browsers.
 * @param {{ env?: NodeJS.ProcessEnv, keychain?: boolean, like?: Pick<Vault, "home" | "env"> }} [options]
 * env: of a session with a keyring; like: a vault without a keychain slot to make a copy of
 * @returns {Promise<Vault>}
 */
export async function makeVault({ env: session = {}, keychain = false, like } = {}) {
  if (!existsSync(program)) throw new Error(`${program} is missing: make build`);
  const home = mkdtempSync(join(tmpdir(), "codefob-home-"));
  const env = { CODEFOB_HOME: join(home, "codefob"), XDG_CONFIG_HOME: undefined, ...session };
  const passphraseFile = join(home, "passphrase");
  let passphrase = like ? readFileSync(join(like.home, "passphrase"), "utf8").trim() : randomBytes(12).toString("hex");
  const keepPassphrase = () => writeFileSync(passphraseFile, `${passphrase}\n`, { mode: 0o600 });
  keepPassphrase();

  /** @type {Vault["run"]} */
  const run = async (command, ...args) => {
    const given = keychain && command !== "init" ? [] : ["--vault-passphrase-file", passphraseFile];
    const { stdout } = await promisify(execFile)(program, [command, ...given, ...args], {
      env: { ...process.env, ...env, HOME: home },
    });
    return stdout;
  };

  if (like) cpSync(/** @type {string} */ (like.env.CODEFOB_HOME), env.CODEFOB_HOME, { recursive: true });
  else {
    const recoveryKey = (await run("init", ...(keychain ? [] : ["--no-keychain"]))).trim();
    // A passphrase costs a second of scrypt each time, a recovery key milliseconds; the two slots are alike
    // otherwise. So the vault's passphrase is its recovery key.
    const slots = join(env.CODEFOB_HOME, "vault/slots");
    cpSync(join(slots, "recovery.age"), join(slots, "passphrase.age"));
    passphrase = recoveryKey;
    keepPassphrase();
  }
  await run("install", "--browser", "chromium", "--browser", "chrome", "--browser", "firefox");
  const pinentry = writePinentry(home, passphrase);
  writeFileSync(join(env.CODEFOB_HOME, "config.json"), JSON.stringify({ pinentry: pinentry.path, logLevel: "debug" }));

  return {
    home,
    env,
    passphrase,
    hostKey: hostKeyOf(env.CODEFOB_HOME),
    run,
    add: async (uri, ...sites) => {
      const file = join(home, "uri");
      writeFileSync(file, `${uri}\n`, { mode: 0o600 });
      await run("add", "--uri-file", file, ...sites.flatMap((site) => ["--site", site]));
      rmSync(file);
    },
    list: async () => JSON.parse(await run("list", "--json")),
    hosts: () => hostsOf(env.CODEFOB_HOME),
    prompts: pinentry.prompts,
    answerFirst: pinentry.answerFirst,
    remove: () => rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}

/** The public key of the hosts of a home: the uncompressed point, in base64. @param {string} codefobHome */
export function hostKeyOf(codefobHome) {
  const { x = "", y = "" } = createPublicKey(readFileSync(join(codefobHome, "host-key.pem"))).export({ format: "jwk" });
  return Buffer.concat([Buffer.of(4), ...[x, y].map((each) => Buffer.from(each, "base64url"))]).toString("base64");
}

/** @param {string} codefobHome @returns {number[]} */
function hostsOf(codefobHome) {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((pid) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      return readlinkSync(`/proc/${pid}/exe`) === program && environment.includes(`CODEFOB_HOME=${codefobHome}`);
    } catch {
      return false; // it ended, or is another user's
    }
  });
}

/**
 * A program that speaks the Assuan protocol as pinentry does. It takes answers
 * from a file, line by line, and then gives the passphrase; it notes every time
 * it is asked. It runs with next to no environment, so it is a shell script.
 * @param {string} home @param {string} passphrase
 */
function writePinentry(home, passphrase) {
  const [path, asked, answers] = ["pinentry", "pinentry.asked", "pinentry.answers"].map((name) => join(home, name));
  writeFileSync(asked, "");
  writeFileSync(
    path,
    `#!/bin/sh
echo "OK Pleased to meet you"
while read -r command rest; do
  case $command in
  GETPIN)
    echo asked >>'${asked}'
    answer=$(head -n 1 '${answers}' 2>/dev/null)
    if [ -n "$answer" ]; then sed -i 1d '${answers}'; else answer='${passphrase}'; fi
    printf 'D %s\\nOK\\n' "$answer" ;;
  BYE) echo OK; exit 0 ;;
  *) echo OK ;;
  esac
done
`,
    { mode: 0o700 },
  );
  return {
    path,
    prompts: () => readFileSync(asked, "utf8").split("\n").length - 1,
    answerFirst: (/** @type {string[]} */ ...lines) =>
      writeFileSync(answers, lines.map((line) => `${line}\n`).join("")),
  };
}
