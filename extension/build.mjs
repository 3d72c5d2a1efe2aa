// Builds the extension into dist/: `node build.mjs`. One build serves Chromium and Firefox.
import { cp, readFile, rm } from "node:fs/promises";
import { build } from "esbuild";
import { lexicon } from "./lexicon.mjs";

/** What runs in every page, and what is loaded where a field may be, may not be larger than this, in bytes. */
const CAPS = { "watch.js": 4 << 10, "content.js": 120 << 10 };

await rm("dist", { recursive: true, force: true });
const options = {
  outdir: "dist",
  bundle: true,
  minify: true,
  plugins: [lexicon],
  target: ["chrome127", "firefox140"],
  charset: "utf8",
  supported: { "regexp-unicode-property-escapes": true }, // as both browsers do; esbuild would write them as strings
  legalComments: "none",
};
// What every page runs is short, and holds the rest as one function: an engine takes apart only what it runs.
const late = await build({ ...options, entryPoints: ["src/search.ts"], format: "esm", write: false });
const body = late.outputFiles[0].text.replace(/export\s*\{(\w+) as searching\};?\s*$/, "return $1");
if (!/return \w+$/.test(body)) throw new Error("search.ts has to export searching, and nothing else");
await build({
  ...options,
  entryPoints: ["src/watch.ts"],
  format: "iife",
  footer: { js: `function lateSearch(){${body}}` },
});
await build({
  ...options,
  entryPoints: [
    "src/content.ts",
    "src/visit.ts",
    "src/background.ts",
    "src/sheet.ts",
    "src/select.ts",
    "src/clear.ts",
    "src/popup.ts",
    "src/popup.css",
    "src/options.ts",
    "src/picture.ts",
    "src/options.css",
  ],
  format: "iife",
});
// The detector alone, as a plain script that declares detect(), to be measured on a corpus of pages.
await build({
  ...options,
  entryPoints: ["src/detector.ts"],
  format: "iife",
  globalName: "detector",
  footer: { js: "function detect() { return detector.detect(); }" },
});
await cp("public", "dist", { recursive: true, filter: (path) => !path.endsWith(".svg") });
for (const page of ["popup.html", "options.html", "picture.html", "clear.html"])
  await cp(`src/${page}`, `dist/${page}`);
await cp("manifest.json", "dist/manifest.json");

for (const [file, cap] of Object.entries(CAPS)) {
  const { length } = await readFile(`dist/${file}`);
  console.log(`${file} ${length} bytes of ${cap}`);
  if (length > cap) process.exitCode = 1;
}
