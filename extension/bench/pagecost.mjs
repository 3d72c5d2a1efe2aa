// Processor time that an extension's scripts take in a page's main thread, from Chromium's own trace, beside a floor:
// a script that registers one listener and one empty MutationObserver. `node bench/pagecost.mjs [EXTENSION_DIR …]`
// Pages: 5,000 elements without a field; the same with 300 inputs; with a field for a code among them, which brings
// the detector in; 1,000 DOM mutations a second for 5 s.
import { readFileSync } from "node:fs";
import http from "node:http";
import { basename, join, resolve } from "node:path";
import puppeteer from "puppeteer-core";

const ROUNDS = 5;
const MOST_LOST = 3; // tabs or browsers, in a run
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

/** A browser with one extension. */
function launch(dir) {
  return puppeteer.launch({
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
}

/**
 * Milliseconds of processor time that scripts of extensions took on the main thread, by Chromium's
 * trace of one visit. The browser's own session traces: that of a tab goes with the tab.
 */
async function visit(browser, path) {
  const session = await browser.target().createCDPSession();
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { includedCategories: ["devtools.timeline", "v8", "disabled-by-default-v8.compile"] },
  });
  const trace = [];
  session.on("Tracing.dataCollected", ({ value }) => trace.push(...value));
  const page = await browser.newPage();
  await page.goto(base + path);
  await new Promise((done) => setTimeout(done, pages[path].watch));
  if (page.isClosed()) throw new Error(`the tab was lost: ${path}`);
  const complete = new Promise((done) => session.once("Tracing.tracingComplete", done));
  await session.send("Tracing.end");
  await complete;
  await session.detach();
  await page.close();
  const counted = ["EvaluateScript", "FunctionCall", "v8.compile"];
  return trace
    .filter((e) => e.ph === "X" && counted.includes(e.name) && String(e.args?.data?.url).startsWith("chrome-extension:"))
    .reduce((sum, e) => sum + (e.tdur ?? e.dur) / 1000, 0);
}

const median = (samples) => samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)];

// In turn, so that what else this computer does meanwhile strikes all alike.
const all = await Promise.all(
  [floor, ours, ...others].map(async (dir) => ({ dir, browser: await launch(dir), samples: {} })),
);
let lost = 0;
for (const path of Object.keys(pages)) {
  for (const each of all) each.samples[path] = [];
  for (let i = 0; i <= ROUNDS; i++)
    for (const each of all) {
      const took = await visit(each.browser, path).catch(async (error) => {
        if (++lost > MOST_LOST) throw error;
        console.error(`once more, in a new browser, after ${path}: ${error.message}`);
        await each.browser.close().catch(() => {});
        each.browser = await launch(each.dir);
        await visit(each.browser, path);
        return visit(each.browser, path);
      });
      if (i > 0) each.samples[path].push(took); // the first is not counted
    }
}
await Promise.all(all.map(({ browser }) => browser.close()));

const [least, ...measured] = all;
for (const { dir, samples } of measured) {
  console.log(`main-thread time in a page, ms, median and least of ${ROUNDS}: ${basename(resolve(dir, ".."))}/${basename(dir)}`);
  for (const [path, { name }] of Object.entries(pages)) {
    const [took, bare] = [samples[path], least.samples[path]];
    const figures = [median(took), Math.min(...took), median(bare)].map((ms) => ms.toFixed(2).padStart(8));
    const ratio = (median(took) / median(bare)).toFixed(2);
    console.log(`  ${name.padEnd(34)}${figures[0]}${figures[1]}  floor${figures[2]}  x ${ratio}`);
  }
}
console.log(`runs in every page: ${readFileSync(join(ours, "watch.js")).length} bytes; where a field may be: ${readFileSync(join(ours, "content.js")).length} more`);
server.close();
