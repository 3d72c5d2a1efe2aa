// The demo login site: user name, password, then a one-time code that the
// server checks (RFC 6238 with one step of skew, RFC 4226 with a look-ahead of
// five, no code twice).
//
// /setup/NAME?user=USER sets up an account: it shows a new secret, takes a code
// of it, and gives ten recovery codes. With ?refuse the first code that comes
// is turned away, whatever it is; with ?again the secret is that of before.
//
// With ?bare any page is without its Content-Security-Policy.
//
// It answers on loopback as http://localhost:PORT, http://NAME.localhost:PORT
// and http://127.0.0.1:PORT, each an origin of its own. For names with a
// registrable domain it is also an HTTP proxy: CONNECT to any NAME.example:443,
// and to the names of two services of our directory, leads to the same pages
// over TLS, and http://NAME.example is answered in the clear; anywhere else is
// refused. /attacks has the hostile pages of attacks.test.mjs, on every host.

import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { base32, hotp, timeStep } from "./otp.mjs";
import { codePages, framePage, passwordPage, recoveryPage, setupPages, welcomePage } from "./pages.mjs";

/**
 * @typedef {object} Account
 * @property {string} user
 * @property {string} password
 * @property {Buffer} secret
 * @property {"totp" | "hotp"} type
 * @property {number} period seconds, of totp
 * @property {number} next the lowest time step or counter that is still good
 * @property {string} uri what an enrollment's QR code would say
 * @property {boolean} [shown] a page showed the secret
 * @property {string[]} recovery recovery codes that are still good
 */

/**
 * @typedef {object} Site
 * @property {string} origin http://localhost:PORT
 * @property {string} proxy 127.0.0.1:PORT, an HTTP proxy for NAME.example
 * @property {string} spki hash of the certificate's key, as Chromium's --ignore-certificate-errors-spki-list takes it
 * @property {(user: string, options?: { type?: "totp" | "hotp", period?: number, issuer?: string }) => Account} enroll
 * @property {(account: Account, ms: number) => string} code what the server would accept at that moment
 * @property {Map<string, Account>} accounts by user name
 * @property {Array<{ user: string, accepted: boolean, why: string, at: number }>} attempts every code that came in
 * @property {() => Promise<void>} close
 */

/**
 * @returns {Promise<Site>}
 */
export async function startSite() {
  /** @type {Map<string, Account>} */
  const accounts = new Map();
  /** @type {Map<string, string>} session → user */
  const sessions = new Map();
  /** @type {Site["attempts"]} */
  const attempts = [];
  /** @type {Map<string, { account: Account, variant: string, refuse: boolean }>} session → what is being set up */
  const setups = new Map();

  /** @type {Site["enroll"]} */
  function enroll(user, options) {
    const account = make(user, options);
    accounts.set(user, account);
    return account;
  }

  /** An account with a new secret. @param {string} user @param {Parameters<Site["enroll"]>[1]} options @returns {Account} */
  function make(user, { type = "totp", period = 30, issuer = "Larkfield" } = {}) {
    const secret = randomBytes(20);
    const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(user)}`;
    const moving = type === "totp" ? `period=${period}` : "counter=0";
    const uri = `otpauth://${type}/${label}?secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}&${moving}`;
    return { user, password: `${user}-secret`, secret, type, period, next: 0, uri, recovery: [] };
  }

  /** Why a code is refused, or "" if it is good; a good one is used up. @param {Account} account @param {string} code */
  function check(account, code) {
    const now = timeStep(Date.now(), account.period);
    const [first, last] = account.type === "totp" ? [now - 1, now + 1] : [account.next, account.next + 5];
    for (let moving = Math.max(first, 0); moving <= last; moving++) {
      if (hotp(account.secret, moving) !== code) continue;
      if (moving < account.next) return "That code was used already. Wait for the next one.";
      account.next = moving + 1;
      return "";
    }
    return "That code is not right. Try again.";
  }

  /** The same of what a form gave: a code, one behind the password, or a recovery code. @param {Account} account @param {URLSearchParams} form */
  function judge(account, form) {
    const backup = form.get("backup_code");
    if (backup === null) {
      const given = form.get("code") ?? form.get("resp") ?? "";
      return check(account, given.startsWith(account.password) ? given.slice(account.password.length) : given);
    }
    const at = account.recovery.indexOf(backup);
    if (at < 0) return "That backup code is not right, or was used.";
    account.recovery.splice(at, 1);
    return "";
  }

  /** The page that sets up an account. @param {string} session @param {string} [problem] */
  function showSetup(session, problem) {
    const { account, variant } = /** @type {{ account: Account, variant: string }} */ (setups.get(session));
    const shown = variant === "other" ? "https://larkfield.example/app" : account.uri;
    const key = base32(account.secret);
    account.shown = true;
    return setupPages[variant]({ session, uri: account.uri, key, rows: qrRows(shown), ...(problem && { problem }) });
  }

  /** @param {string} session @param {URLSearchParams} form */
  function confirmSetup(session, form) {
    const setup = setups.get(session);
    if (!setup) return { status: 403 };
    const { account, refuse } = setup;
    setup.refuse = false;
    const why = refuse ? "That code is not right. Try again." : check(account, form.get("code") ?? "");
    attempts.push({ user: account.user, accepted: why === "", why, at: Date.now() });
    if (why) return { status: 403, html: showSetup(session, why) };
    accounts.set(account.user, account);
    setups.delete(session);
    account.recovery = Array.from({ length: 10 }, () => randomBytes(5).toString("hex").replace(/.{5}/, "$&-"));
    return { status: 200, html: recoveryPage(account.user, account.recovery) };
  }

  /**
   * @param {string} method @param {URL} url @param {URLSearchParams} form @param {string} [cookie] session
   * @returns {{ status: number, html?: string, headers?: Record<string, string> }}
   */
  function answer(method, url, form, cookie) {
    const [, first, variant = "one"] = url.pathname.split("/");
    const toLogin = { status: 303, headers: { location: "/login" } };
    switch (`${method} /${first}`) {
      case "GET /":
      case "GET /login":
        return { status: 200, html: passwordPage() };
      case "POST /login": {
        const account = accounts.get(form.get("user") ?? "");
        if (account?.password !== form.get("password")) {
          return { status: 403, html: passwordPage("User name or password is wrong.") };
        }
        const session = `session=${start(account.user)}; HttpOnly; SameSite=Lax; Path=/`;
        return { status: 303, headers: { location: "/code", "set-cookie": session } };
      }
      case "GET /code": {
        // Test pages may start at the second step: ?user=NAME stands for the password.
        const user = url.searchParams.get("user");
        const session = user && accounts.has(user) ? start(user) : cookie;
        if (!session || !sessions.has(session)) return toLogin;
        const show = codePages[variant];
        return show ? { status: 200, html: show(session) } : { status: 404 };
      }
      case "GET /setup": {
        const user = url.searchParams.get("user") ?? "";
        const known = url.searchParams.has("again") ? accounts.get(user) : undefined;
        if (!user || !setupPages[variant]) return { status: 404 };
        const session = start(user);
        setups.set(session, { account: known ?? make(user), variant, refuse: url.searchParams.has("refuse") });
        return { status: 200, html: showSetup(session) };
      }
      case "POST /confirm":
        return confirmSetup(form.get("session") ?? "", form);
      case "POST /check": {
        const session = form.get("session") ?? "";
        const account = accounts.get(sessions.get(session) ?? "");
        if (!account) return toLogin;
        const why = judge(account, form);
        attempts.push({ user: account.user, accepted: why === "", why, at: Date.now() });
        return why
          ? { status: 403, html: codePages.one(session, why) }
          : { status: 200, html: welcomePage(account.user) };
      }
      case "GET /frame":
        return { status: 200, html: framePage(url.searchParams.get("src") ?? "", url.searchParams.get("sandbox")) };
      default:
        return { status: 404 };
    }
  }

  /** @param {string} user */
  function start(user) {
    const session = randomBytes(16).toString("hex");
    sessions.set(session, user);
    return session;
  }

  /** @param {http.IncomingMessage} request @param {http.ServerResponse} response */
  async function handle(request, response) {
    // A proxied http request has the whole address.
    if (!/^(http:\/\/[a-z0-9.-]+\.example)?\//.test(request.url ?? "")) return response.writeHead(403).end();
    const url = new URL(request.url ?? "", "http://site");
    // A browser keeps a page for the way back only where it may be stored: ?keep.
    response.setHeader("cache-control", url.searchParams.has("keep") ? "no-cache" : "no-store");
    const asset = assets[url.pathname];
    if (asset) return response.setHeader("content-type", asset.type).end(asset.bytes);
    const [, name, kind = ""] = /^\/attacks\/(\w+\.(html|js))$/.exec(url.pathname) ?? [];
    if (name) {
      const bytes = readFileSync(new URL(`attacks/${name}`, import.meta.url));
      return response.setHeader("content-type", `text/${kind === "js" ? "javascript" : kind}`).end(bytes);
    }
    const form = new URLSearchParams(request.method === "POST" ? await body(request) : "");
    const cookie = /(?:^|; )session=([0-9a-f]{32})/.exec(request.headers.cookie ?? "")?.[1];
    const { status, html = "", headers } = answer(request.method ?? "", url, form, cookie);
    const rules = url.searchParams.has("bare") ? {} : { "content-security-policy": policy };
    const type = { "content-type": "text/html; charset=utf-8", ...rules };
    response.writeHead(status, { ...type, ...headers }).end(html);
  }

  const { key, cert } = certificate();
  const plain = http.createServer(handle);
  const secure = https.createServer({ key, cert }, handle);
  const [port, tlsPort] = await Promise.all([plain, secure].map(listen));

  plain.on("connect", (request, socket) => {
    socket.on("error", () => {});
    if (!/^([a-z0-9.-]+\.example|x\.com|twitter\.com|www\.linkedin\.com):443$/.test(request.url ?? ""))
      return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    const inner = net.connect(tlsPort, "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
    inner.on("error", () => socket.destroy());
    socket.pipe(inner).pipe(socket);
  });

  return {
    origin: `http://localhost:${port}`,
    proxy: `127.0.0.1:${port}`,
    spki: createHash("sha256")
      .update(createPublicKey(cert).export({ type: "spki", format: "der" }))
      .digest("base64"),
    enroll,
    accounts,
    code: (account, ms) => hotp(account.secret, account.type === "totp" ? timeStep(ms, account.period) : account.next),
    attempts,
    close: async () => {
      for (const server of [plain, secure]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; frame-src *; form-action 'self'; base-uri 'none'";

/** @type {Record<string, { type: string, bytes: Buffer }>} */
const assets = {
  "/site.css": { type: "text/css", bytes: readFileSync(new URL("site/site.css", import.meta.url)) },
  "/site.js": { type: "text/javascript", bytes: readFileSync(new URL("site/site.js", import.meta.url)) },
  "/live.js": { type: "text/javascript", bytes: readFileSync(new URL("site/live.js", import.meta.url)) },
};

/** @param {http.IncomingMessage} request a form of at most 4 KiB */
async function body(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 4096) throw new Error("form too large");
  }
  return text;
}

/** @param {net.Server} server @returns {Promise<number>} the port */
function listen(server) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(/** @type {net.AddressInfo} */ (server.address()).port));
  });
}

/** The modules of a QR code, as "#" and " ": drawn by another program than the one that reads them. @param {string} text */
function qrRows(text) {
  const drawn = execFileSync("qrencode", ["-t", "ASCII", "-m", "0", "-l", "M", "-o", "-", text], { encoding: "utf8" });
  const lines = drawn.split("\n").filter(Boolean);
  return lines.map((line) => [...line.padEnd(2 * lines.length)].filter((_, i) => i % 2 === 0).join(""));
}

/** A certificate for *.example that lives as long as this process. */
function certificate() {
  const dir = mkdtempSync(join(tmpdir(), "codefob-cert-"));
  try {
    const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
    const subject = [
      "-subj",
      "/CN=Codefob demo",
      "-addext",
      "subjectAltName=DNS:*.example,DNS:x.com,DNS:twitter.com,DNS:www.linkedin.com",
    ];
    const options = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ];
    execFileSync("openssl", [...options, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(dir, { recursive: true });
  }
}
