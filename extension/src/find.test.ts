// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { findFields, words } from "./find.ts";

const boxes = (n: number, more = "") => `<input maxlength="1" ${more}>`.repeat(n);

test.each([
  ["autocomplete wins", `<input autocomplete="one-time-code">`, "autocomplete 1 otp-any"],
  ["autocomplete with a section", `<input autocomplete="section-a one-time-code">`, "autocomplete 1 otp-any"],
  ["a telling name", `<input name="totpCode">`, "name 1 totp"],
  ["a telling placeholder", `<input placeholder="6-digit code">`, "name 1 otp-any"],
  ["a label around it", `<label>Verification code <input name="x1"></label>`, "label 1 otp-any"],
  ["a label by id", `<label for="q">One-time password</label><input id="q">`, "label 1 otp-any"],
  ["a label by aria-labelledby", `<b id="t">Authentication code</b><input aria-labelledby="t">`, "label 1 otp-any"],
  ["a weak name in a telling place", `<p>Two-factor authentication</p><input name="code">`, "name 1 otp-any"],
  ["a weak name alone says nothing", `<p>Your order</p><input name="code">`, ""],
  ["six boxes", `<p>Enter the code</p>${boxes(6)}`, "split 6 otp-any"],
  ["six boxes, the first of which takes a paste", `<p>Code</p><input maxlength="6">${boxes(5)}`, "split 6 otp-any"],
  ["three boxes are no code", `<p>Code</p>${boxes(3)}`, ""],
  ["boxes of a product key", `<p>Enter the product key</p>${boxes(5)}`, ""],
  ["an app's code", `<p>Open your authenticator app</p><input name="otp">`, "name 1 totp"],
  ["a text message", `<p>We sent a text message with a code</p><input name="otp">`, "name 1 otp-sms"],
  ["an e-mail", `<p>We emailed you a code; check your inbox</p><input name="otp">`, "name 1 otp-email"],
  ["app or text message", `<p>Use your authenticator app, or get an SMS</p><input name="otp">`, "name 1 otp-any"],
  ["a new authenticator", `<p>Scan the QR code with your authenticator app</p><input name="otp">`, "name 1 enroll"],
  ["a recovery code", `<input autocomplete="one-time-code" name="recovery_code">`, "autocomplete 1 recovery-code"],
  ["a card's security code", `<label>Security code <input name="cvc"></label>`, ""],
  ["a postcode", `<label>Postal code <input name="postcode"></label>`, ""],
  ["a phone number", `<input name="verify_phone" autocomplete="tel">`, ""],
  ["a captcha", `<input name="captcha_code">`, ""],
  ["a voucher", `<label>Voucher code <input name="code"></label>`, ""],
  ["hidden", `<input type="hidden" name="otp">`, ""],
  ["disabled", `<input name="otp" disabled>`, ""],
  ["read-only", `<input name="otp" readonly>`, ""],
  ["a checkbox", `<input type="checkbox" name="otp">`, ""],
  ["too short for a code", `<input name="otp" maxlength="3">`, ""],
  ["a name field of an authenticator", `<input name="first_name" placeholder="First name">`, ""],
  ["a search for users of two factors", `<input name="otp_filter">`, ""],
])("%s", (_name, html, want) => {
  document.body.innerHTML = `<form>${html}</form>`;
  const got = findFields(document).map(({ why, inputs, kind }) => `${why} ${inputs.length} ${kind}`);
  expect(got.join(", ")).toBe(want);
});

test("finds a field in a shadow tree that it is given", () => {
  const root = document.body.appendChild(document.createElement("div")).attachShadow({ mode: "open" });
  root.innerHTML = `<input autocomplete="one-time-code">`;
  expect(findFields(root)).toHaveLength(1);
});

test.each([
  ["userOtpCode", "user otp code"],
  ["one-time_code", "one time code"],
  ["  Don’t  panic!", "don t panic"],
])("words(%j) = %j", (text, want) => {
  expect(words(text)).toBe(want);
});
