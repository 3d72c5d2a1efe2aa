// What must stay nowhere: looks for the secrets of a test and the codes made of
// them in all that the browser, the program and its hosts wrote.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { base32 } from "./otp.mjs";

/**
 * @typedef {object} Canary
 * @property {string} name for the report
 * @property {Buffer} bytes one of the forms in which it could be written
 * @property {1 | 2} [code] a few digits, in so many bytes each: counts only where no other digit is beside them
 */

/** A secret in the forms in which programs write one. @param {string} name @param {Buffer} secret @returns {Canary[]} */
export function formsOf(name, secret) {
  const hex = secret.toString("hex");
  // In the middle of other bytes base64 comes in three ways.
  const base64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), secret]).toString("base64url");
    return text.slice([0, 2, 3][before], Math.floor(((before + secret.length) * 8) / 6));
  });
  const texts = [hex, hex.toUpperCase(), base32(secret), base32(secret).toLowerCase()];
  for (const text of base64) texts.push(text, text.replaceAll("-", "+").replaceAll("_", "/"));
  return [secret, ...[...new Set(texts)].flatMap(inText)].map((bytes) => ({ name, bytes }));
}

/** A text as it is written in one byte a character, and in two. @param {string} text */
const inText = (text) => [Buffer.from(text), Buffer.from(text, "utf16le")];

/** @param {string} name @param {string} code @returns {Canary[]} */
export const formsOfCode = (name, code) => inText(code).map((bytes, i) => ({ name, bytes, code: i === 0 ? 1 : 2 }));

/**
 * Looks for canaries in every file of a folder.
 * @param {string} folder
 * @param {Canary[]} canaries
 * @param {{ skip?: RegExp, noCodes?: { [bytes in 1 | 2]?: RegExp } }} [options] by path below the folder: files that are not looked at, and those
 * where no code is looked for, by how many bytes each of its digits has
 * @returns {{ found: string[], bytes: number }} found: one line for each canary and file
 */
export function search(folder, canaries, { skip, noCodes = {} } = {}) {
  /** @type {Map<number, Canary[]>} the first two bytes → canaries */
  const byStart = new Map();
  const starts = new Uint8Array(1 << 16);
  for (const each of canaries) {
    const start = each.bytes.readUInt16LE();
    starts[start] = 1;
    byStart.set(start, [...(byStart.get(start) ?? []), each]);
  }
  const found = new Set();
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(folder, path);
    if (!entry.isFile() || skip?.test(name)) continue;
    const content = read(path);
    bytes += content.length;
    for (let i = 0, start = content[0] << 8; i + 1 < content.length; i++) {
      start = (start >> 8) | (content[i + 1] << 8);
      if (!starts[start]) continue;
      for (const { name: canary, bytes, code } of byStart.get(start) ?? []) {
        if (!content.subarray(i, i + bytes.length).equals(bytes)) continue;
        if (code && (noCodes[code]?.test(name) || !alone(content, i - code, i + bytes.length))) continue;
        found.add(`${canary} in ${name}`);
      }
    }
  }
  return { found: [...found].sort(), bytes };
}

/** Whether these two places hold no digit. @param {Buffer} content @param {number} before @param {number} after */
const alone = (content, before, after) =>
  [before, after].every((at) => !/[0-9.]/.test(String.fromCharCode(content[at] ?? 0)));

/** @param {string} path of a file that may go meanwhile */
function read(path) {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
