// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { findFields } from "./find.ts";
import { KINDS, takesCode } from "./kind.ts";

test.each([
  ["otp", "", "otp-any"],
  ["otp", "Enter the code from your authenticator app", "totp"],
  ["totp", "", "totp"],
  ["sms_code", "", "otp-sms"],
  ["otp", "We texted you a code", "otp-sms"],
  ["otp", "A code was sent to your phone", "otp-sms"],
  ["otp", "A code was sent to a***@example.org by email", "otp-email"],
  ["otp", "Authenticator app or SMS", "otp-any"],
  ["otp", "Set up two-factor: scan this with your authenticator app", "enroll"],
  ["backup_code", "Lost your authenticator?", "recovery-code"],
  ["otp", "Use a recovery code instead", "otp-any"],
] as const)("%j under %j is %s", (name, text, want) => {
  document.body.innerHTML = `<p>${text}</p><input name="${name}">`;
  expect(findFields(document).map(({ kind }) => kind)).toEqual([want]);
});

test("codes go only where an authenticator's code is asked for", () => {
  expect(KINDS.filter(takesCode)).toEqual(["totp", "otp-any", "enroll"]);
});
