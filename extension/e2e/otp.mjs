// One-time codes, written from the RFCs for the demo site: it must not share
// code with the program that it checks.

import { createHmac } from "node:crypto";

/**
 * The HOTP value of a counter (RFC 4226, section 5.3).
 * @param {Buffer} secret
 * @param {number} counter
 * @param {{ algorithm?: string, digits?: number }} [options] algorithm as node:crypto names it
 * @returns {string}
 */
export function hotp(secret, counter, { algorithm = "sha1", digits = 6 } = {}) {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const mac = createHmac(algorithm, secret).update(message).digest();
  const offset = mac[mac.length - 1] & 0x0f;
  const number = mac.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, "0");
}

/**
 * The number of the time step that holds a moment (RFC 6238, section 4.2).
 * @param {number} ms since 1970
 * @param {number} period in seconds
 */
export const timeStep = (ms, period) => Math.floor(ms / 1000 / period);

/**
 * Base32 without padding, as otpauth URIs carry secrets (RFC 4648, section 6).
 * @param {Buffer} bytes
 */
export function base32(bytes) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,5}/g) ?? []).map((five) => alphabet[parseInt(five.padEnd(5, "0"), 2)]).join("");
}
