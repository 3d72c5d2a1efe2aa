import { describe, expect, test } from "vitest";
import { base32, hotp, timeStep } from "./otp.mjs";

describe("the demo site's own codes are those of the RFCs", () => {
  test.each([
    [0, "755224"], // RFC 4226, appendix D
    [1, "287082"],
    [9, "520489"],
  ])("HOTP counter %i is %s", (counter, want) => {
    expect(hotp(Buffer.from("12345678901234567890"), counter)).toBe(want);
  });

  test.each([
    [59, "sha1", 20, "94287082"], // RFC 6238, appendix B
    [1111111109, "sha256", 32, "68084774"],
    [20000000000, "sha512", 64, "47863826"],
  ])("TOTP at %i s with %s", (seconds, algorithm, length, want) => {
    const secret = Buffer.from("1234567890".repeat(7).slice(0, length));
    expect(hotp(secret, timeStep(seconds * 1000, 30), { algorithm, digits: 8 })).toBe(want);
  });

  test.each([
    ["foobar", "MZXW6YTBOI"], // RFC 4648, section 10, without padding
    ["foob", "MZXW6YQ"],
  ])("base32 of %s is %s", (text, want) => {
    expect(base32(Buffer.from(text))).toBe(want);
  });
});
