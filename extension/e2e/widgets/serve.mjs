// Pages with the one-time-code widgets that sites use, built from their
// packages and served on loopback.

import { readdirSync, readFileSync } from "node:fs";
import http from "node:http";
import { basename, extname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { build } from "esbuild";
import { compile, compileModule } from "svelte/compiler";

const pages = join(import.meta.dirname, "pages");
/** @type {Record<string, string>} */
const types = { ".js": "text/javascript", ".css": "text/css" };

/** @type {import("esbuild").Plugin} */
const svelte = {
  name: "svelte",
  setup({ onLoad }) {
    onLoad({ filter: /\.svelte(\.js)?$/ }, ({ path }) => {
      const make = path.endsWith(".js") ? compileModule : compile;
      return { contents: make(readFileSync(path, "utf8"), { filename: path }).js.code };
    });
  },
};

/**
 * Builds the pages. @returns {Promise<Map<string, Uint8Array>>} by path, as in "/antd.js"
 */
async function bundle() {
  const { outputFiles } = await build({
    entryPoints: readdirSync(pages)
      .filter((name) => !name.endsWith(".svelte"))
      .map((name) => join(pages, name)),
    outdir: "/",
    write: false,
    bundle: true,
    splitting: true,
    format: "esm",
    jsx: "automatic",
    define: { "process.env": '{"NODE_ENV":"production"}' },
    conditions: ["svelte", "browser"],
    loader: { ".woff": "empty", ".woff2": "empty", ".ttf": "empty", ".eot": "empty" },
    plugins: [svelte],
    logLevel: "error",
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

/** @param {string} script @param {boolean} styled */
const html = (script, styled) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Two-step verification</title>
<link rel="icon" href="data:,">
${styled ? `<link rel="stylesheet" href="/${script}.css">` : ""}
<style>
  .slot { display: inline-block; width: 36px; height: 44px; border: 1px solid gray }
  .over { position: relative; width: max-content }
  .over input { position: absolute; inset: 0; opacity: 0 }
</style>
<main><h1>Two-step verification</h1><p>Enter the code from your authenticator app.</p><div id="root"></div></main>
<pre id="state"></pre>
<script type="module" src="/${script}.js"></script>
</html>`;

/**
 * Serves the page of each widget at its name, and notes what a page sends there;
 * the answer to what is sent to ?slow takes its time.
 * @returns {Promise<{ port: number, sent: string[], close: () => void }>}
 */
export async function serveWidgets() {
  const files = await bundle();
  /** @type {string[]} */
  const sent = [];
  const server = http.createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://widgets");
    const path = decodeURIComponent(pathname);
    const file = files.get(path);
    if (file) return response.setHeader("content-type", types[extname(path)]).end(file);
    if (request.method === "POST") {
      let body = "";
      for await (const chunk of request) body += chunk;
      sent.push(new URLSearchParams(body).get("code") ?? "");
      if (searchParams.has("slow")) await pause(1500);
      return response.setHeader("content-type", "text/html").end(`<p id="welcome">Signed in.</p>`);
    }
    const script = files.has(`${path}.js`) ? basename(path) : "plain";
    response.setHeader("content-type", "text/html").end(html(script, files.has(`/${script}.css`)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  return {
    port: /** @type {import("node:net").AddressInfo} */ (server.address()).port,
    sent,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
