// Zips dist/ for the two stores: `node pack.mjs OUT_FOLDER`. The same files give the same bytes.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The beginning of what a zip file can say of time. */
const EPOCH = new Date("1980-01-01T12:00:00Z");

const out = resolve(process.argv[2] ?? "../dist");
const manifest = JSON.parse(readFileSync("dist/manifest.json", "utf8"));

/** What each store does not take: Chrome's gives the id itself, and Firefox knows no service workers here, nor what stands in for their documents. */
const stores = {
  chromium: ({ key, browser_specific_settings, background: { scripts, ...background }, ...rest }) => ({
    ...rest,
    background,
  }),
  firefox: ({ key, minimum_chrome_version, permissions, background: { service_worker, ...background }, ...rest }) => ({
    ...rest,
    permissions: permissions.filter((each) => each !== "offscreen"),
    background,
  }),
};

for (const [store, adapt] of Object.entries(stores)) {
  const folder = mkdtempSync(join(tmpdir(), "codefob-pack-"));
  cpSync("dist", folder, { recursive: true, filter: (path) => !path.endsWith("detector.js") });
  writeFileSync(join(folder, "manifest.json"), `${JSON.stringify(adapt(manifest), undefined, 2)}\n`);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  for (const file of files) utimesSync(join(folder, file), EPOCH, EPOCH);
  const zip = join(out, `codefob-${store}-${manifest.version}.zip`);
  rmSync(zip, { force: true });
  execFileSync("zip", ["-q", "-X", "-9", zip, ...files], { cwd: folder, env: { ...process.env, TZ: "UTC" } });
  rmSync(folder, { recursive: true });
  console.log(zip);
}
