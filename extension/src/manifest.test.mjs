import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

// What of the extension's promises stands in its manifest, and in what is not in its sources.

const read = (/** @type {string} */ path) => readFileSync(new URL(path, import.meta.url), "utf8");
const manifest = JSON.parse(read("../manifest.json"));
const sources = readdirSync(new URL(".", import.meta.url)).filter((name) => /(?<!\.test)\.(ts|html)$/.test(name));

test("E8 no page can show or frame a document of the extension", () => {
  expect(manifest).not.toHaveProperty("web_accessible_resources");
  const policy = manifest.content_security_policy.extension_pages;
  for (const rule of ["default-src 'none'", "frame-ancestors 'none'", "form-action 'none'", "script-src 'self'"])
    expect(policy.split("; ")).toContain(rule);
});

test("E9 nothing from outside of the extension is listened to", () => {
  expect(manifest).not.toHaveProperty("externally_connectable");
  for (const name of sources) expect([name, /on\w+External/.exec(read(name))?.[0]]).toEqual([name, undefined]);
});

test("E31 the extension keeps the key of its host, and nothing else", () => {
  const keeps = /\b(localStorage|sessionStorage|indexedDB|caches|cookie|chrome\.storage)\b/;
  for (const name of sources.filter((each) => each !== "background.ts"))
    expect([name, keeps.exec(read(name))?.[0]]).toEqual([name, undefined]);
  expect(read("background.ts").match(/chrome\.storage[\w.]*/g)).toEqual([
    "chrome.storage.local.setAccessLevel",
    "chrome.storage.local", // for trust.ts
  ]);
  expect(read("trust.ts").match(/\.set\([^;]*/g)).toEqual([".set({ [PINNED]: key })"]);
});

test("U1 no page of the extension has a field for a password, and no request of the wire carries one", () => {
  for (const name of sources) expect([name, /type\s*=\s*"password"/.exec(read(name))?.[0]]).toEqual([name, undefined]);
  expect(read("protocol.ts")).not.toMatch(/^ *(readonly )?\w*pass(word|phrase)\w*\??:/im);
});
