import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { formsOf, formsOfCode, search } from "./canaries.mjs";
import { base32 } from "./otp.mjs";

const folder = mkdtempSync(join(tmpdir(), "codefob-canaries-"));
afterAll(() => rmSync(folder, { recursive: true }));

const secret = randomBytes(20);
const canaries = [...formsOf("the secret", secret), ...formsOfCode("a code", "123456")];

/** What is found in a file of these bytes. @param {Buffer | string} bytes @param {Parameters<typeof search>[2]} [options] */
function found(bytes, options) {
  writeFileSync(join(folder, "file"), bytes);
  return search(folder, canaries, options).found;
}

const about = (/** @type {Buffer} */ bytes, before = 0) =>
  Buffer.concat([randomBytes(1000 + before), bytes, randomBytes(1000)]);
const base64 = (/** @type {number} */ before) => about(secret, before).toString("base64");

test.each([
  ["raw", about(secret)],
  ["hex", about(secret).toString("hex")],
  ["HEX", about(secret).toString("hex").toUpperCase()],
  ["base32", `secret=${base32(secret)}&`],
  ["base32, lower case", base32(secret).toLowerCase()],
  ["base64", base64(2)],
  ["base64, one byte on", base64(0)],
  ["base64, two bytes on", base64(1)],
  ["base64url", about(secret).toString("base64url")],
  ["UTF-16", Buffer.from(`"${base32(secret)}"`, "utf16le")],
  ["the last bytes of a file", Buffer.concat([randomBytes(7), secret])],
])("a secret is found: %s", (_form, bytes) => {
  expect(found(bytes)).toEqual(["the secret in file"]);
});

test.each([
  ["code=123456;", true],
  [Buffer.from("123456", "utf16le"), true],
  ["code123456", true],
  ["1123456", false],
  ["0.123456", false],
  ["1234567", false],
])("a code is found in %s: %s", (bytes, is) => {
  expect(found(bytes)).toEqual(is ? ["a code in file"] : []);
});

test("what is not to be looked at is not", () => {
  expect(found(secret, { skip: /^file$/ })).toEqual([]);
  for (const bytes of /** @type {const} */ ([1, 2])) {
    const code = Buffer.from("123456", bytes === 1 ? "latin1" : "utf16le");
    expect(found(code, { noCodes: { [bytes]: /^file$/ } })).toEqual([]);
    expect(found(code, { noCodes: { [3 - bytes]: /^file$/ } })).toEqual(["a code in file"]);
  }
});
