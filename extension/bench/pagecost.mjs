// Main-thread time that an extension's scripts take in a page, from Chromium's own trace, beside a floor:
// a script that registers one listener and one empty MutationObserver. `node bench/pagecost.mjs [EXTENSION_DIR …]`
// Pages: 5,000 elements without a field; the same with 300 inputs; with a field for a code among them, which brings
// the detector in; 1,000 DOM mutations a second for 5 s.
import { readFileSync } from "node:fs";
import http from "node:http";
import { basename, join, resolve } from "node:path";
import puppeteer from "puppeteer-core";

const ROUNDS = 5;
const here = import.meta.dirname;
const floor = join(here, "floor");
const ours = join(here, "..", "dist");
const others = process.argv.slice(2).map((dir) => resolve(dir));

const rows = Array.from(
  { length: 1667 },
  (_, i) => `<div class=row><span>item ${i}</span><a href=#>${i}</a></div>`,
).join("");
const inputs = Array.from({ length: 300 }, (_, i) => `<label>Field ${i}<input name=f${i} type=text></label>`).join("");
const head = "<!doctype html><title>p</title><body>";
const mutate =
  "let n=0;setInterval(()=>{for(let i=0;i<10;i++){const d=document.createElement('div');d.textContent=n++;m.append(d);if(m.childNodes.length>50)m.firstChild.remove()}},10)";
/** Path → the page, how long it is watched in ms, and what it is. */
const pages = {
  "/plain": { html: head + rows, watch: 2000, name: "5,000 elements, no field" },
  "/inputs": { html: `${head + rows}<form>${inputs}</form>`, watch: 2000, name: "the same with 300 inputs" },
  "/field": {
    html: `${head + rows}<form>${inputs}<label>Authentication code<input name=otp maxlength=6></label></form>`,
    watch: 2000,
    name: "300 inputs and one for a code",
  },
  "/mutating": {
    html: `${head + rows}<div id=m></div><script>${mutate}</script>`,
    watch: 5000,
    name: "1,000 mutations a second, 5 s",
  },
};

const server = http.createServer((request, response) => {
  response.setHeader("content-type", "text/html");
  response.end(pages[request.url]?.html ?? "");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const base = `http://127.0.0.1:${server.address().port}`;

/** Milliseconds that scripts of extensions took, by Chromium's trace of one visit. */
async function visit(browser, path) {
  const page = await browser.newPage();
  await page.tracing.start({ categories: ["devtools.timeline", "v8", "disabled-by-default-v8.compile"] });
  await page.goto(base + path);
  await new Promise((done) => setTimeout(done, pages[path].watch));
  const trace = JSON.parse(Buffer.from(await page.tracing.stop()).toString()).traceEvents;
  await page.close();
  const counted = ["EvaluateScript", "FunctionCall", "v8.compile"];
  return trace
    .filter((e) => e.ph === "X" && counted.includes(e.name) && String(e.args?.data?.url).startsWith("chrome-extension:"))
    .reduce((sum, e) => sum + e.dur / 1000, 0);
}

async function measure(dir) {
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    pipe: true,
    enableExtensions: [dir],
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  const medians = {};
  for (const path of Object.keys(pages)) {
    await visit(browser, path); // the first is not counted
    const samples = [];
    for (let i = 0; i < ROUNDS; i++) samples.push(await visit(browser, path));
    medians[path] = samples.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
  }
  await browser.close();
  return medians;
}

const least = await measure(floor);
for (const dir of [ours, ...others]) {
  const medians = await measure(dir);
  console.log(`main-thread time in a page, ms, median of ${ROUNDS}: ${basename(resolve(dir, ".."))}/${basename(dir)}`);
  for (const [path, { name }] of Object.entries(pages)) {
    const ratio = (medians[path] / least[path]).toFixed(2);
    console.log(
      `  ${name.padEnd(34)} ${medians[path].toFixed(2).padStart(8)}  floor ${least[path].toFixed(2)}  x ${ratio}`,
    );
  }
}
console.log(`runs in every page: ${readFileSync(join(ours, "watch.js")).length} bytes; where a field may be: ${readFileSync(join(ours, "content.js")).length} more`);
server.close();
