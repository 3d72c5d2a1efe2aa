// Builds the extension into dist/: `node build.mjs`. One build serves Chromium and Firefox.
import { cp, readFile, rm } from "node:fs/promises";
import { build } from "esbuild";

/** What runs in every page may not be larger than this, in bytes; what is loaded where a field may be, than twice. */
const CAP = 12 << 10;

await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/watch.ts", "src/content.ts", "src/background.ts", "src/popup.ts", "src/popup.css"],
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome127", "firefox140"],
  charset: "utf8",
  legalComments: "none",
});
await cp("public", "dist", { recursive: true, filter: (path) => !path.endsWith(".svg") });
await cp("src/popup.html", "dist/popup.html");
await cp("manifest.json", "dist/manifest.json");

for (const [file, cap] of [
  ["watch.js", CAP],
  ["content.js", 2 * CAP],
]) {
  const { length } = await readFile(`dist/${file}`);
  console.log(`${file} ${length} bytes of ${cap}`);
  if (length > cap) process.exitCode = 1;
}
