import { expect, test } from "vitest";
import { KINDS, kindOf, takesCode } from "./kind.ts";

test.each([
  ["otp", "", "otp-any"],
  ["otp", "enter the code from your authenticator app", "totp"],
  ["totp", "", "totp"],
  ["sms code", "", "otp-sms"],
  ["otp", "we texted you a code", "otp-sms"],
  ["otp", "a code was sent to your phone", "otp-sms"],
  ["otp", "a code was sent to a***@example.org by email", "otp-email"],
  ["otp", "authenticator app or sms", "otp-any"],
  ["otp", "set up two factor scan this with your authenticator app", "enroll"],
  ["backup code", "lost your authenticator", "recovery-code"],
  ["otp", "use a recovery code instead", "otp-any"],
] as const)("%j near %j is %s", (own, near, want) => {
  expect(kindOf({ own, near })).toBe(want);
});

test("codes go only where an authenticator's code is asked for", () => {
  expect(KINDS.filter(takesCode)).toEqual(["totp", "otp-any", "enroll"]);
});
