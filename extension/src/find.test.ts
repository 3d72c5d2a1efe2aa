// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { findFields, SURE } from "./find.ts";

const boxes = (n: number, more = "") => `<input maxlength="1" ${more}>`.repeat(n);
const editables = (more = "", text = "") =>
  [1, 2, 3, 4, 5, 6].map((n) => `<div contenteditable aria-label="Digit ${n}" ${more}>${text}</div>`).join("");
const editable = (more = "", text = "") => `<div contenteditable aria-label="One-time code" ${more}>${text}</div>`;

test.each([
  ["autocomplete wins", `<input autocomplete="one-time-code">`, "1 otp-any"],
  ["autocomplete with a section", `<input autocomplete="section-a one-time-code">`, "1 otp-any"],
  ["a telling name", `<input name="totpCode">`, "1 totp"],
  ["a telling placeholder", `<input placeholder="6-digit code">`, "1 otp-any"],
  ["a label around it", `<label>Verification code <input name="x1"></label>`, "1 otp-any"],
  ["a label by id", `<label for="q">One-time password</label><input id="q">`, "1 otp-any"],
  ["a label by aria-labelledby", `<b id="t">Authentication code</b><input aria-labelledby="t">`, "1 otp-any"],
  ["a weak name in a telling place", `<p>Two-factor authentication</p><input name="code">`, "1 otp-any"],
  ["a second factor by its own name", `<label>Two-factor code <input name="code"></label>`, "1 totp"],
  ["a weak name alone says nothing", `<p>Your order</p><input name="code">`, ""],
  ["six boxes", `<p>Enter the code</p>${boxes(6)}`, "6 otp-any"],
  ["six boxes, the first of which takes a paste", `<p>Code</p><input maxlength="6">${boxes(5)}`, "6 otp-any"],
  [
    "boxes that only a label numbers",
    `<p>Enter the code</p>${[1, 2, 3, 4].map((n) => `<input aria-label="Please enter OTP character ${n}">`).join("")}`,
    "4 otp-any",
  ],
  ["boxes that are only alike", `<p>Code</p>${`<input inputmode="numeric" class="a">`.repeat(6)}`, "6 otp-any"],
  ["two halves", `<p>Enter the code</p>${`<input maxlength="3">`.repeat(2)}`, "2 otp-any"],
  ["an authenticator's key", `<label>Authenticator key (TOTP) <input name="totp"></label>`, ""],
  ["a number to send a code to", `<label>Mobile number for the code <input name="mobile"></label>`, ""],
  ["a number as an example", `<label>Send the code to <input name="to" placeholder="+49 151"></label>`, ""],
  [
    "a question is another way",
    `<p>No authenticator? Enter a recovery code.</p><input name="code">`,
    "1 recovery-code",
  ],
  ["a drawn code", `<label>Code <input name="code"></label><svg width="90" height="30"></svg>`, ""],
  ["a picture of a code", `<img alt="Code"><label>Code <input name="code"></label>`, ""],
  ["a key in parts", `<p>Enter the code</p>${`<input maxlength="5">`.repeat(4)}`, ""],
  ["three boxes are no code", `<p>Code</p>${boxes(3)}`, ""],
  ["boxes of a product key", `<p>Enter the product key</p>${boxes(5)}`, ""],
  ["an app's code", `<p>Open your authenticator app</p><input name="otp">`, "1 totp"],
  ["a text message", `<p>We sent a text message with a code</p><input name="otp">`, "1 otp-sms"],
  ["an e-mail", `<p>We emailed you a code; check your inbox</p><input name="otp">`, "1 otp-email"],
  ["app or text message", `<p>Use your authenticator app, or get an SMS</p><input name="otp">`, "1 otp-any"],
  ["a new authenticator", `<p>Scan the QR code with your authenticator app</p><input name="otp">`, "1 enroll"],
  ["a recovery code", `<input autocomplete="one-time-code" name="recovery_code">`, "1 recovery-code"],
  ["a card's security code", `<label>Security code <input name="cvc"></label>`, ""],
  ["a postcode", `<label>Postal code <input name="postcode"></label>`, ""],
  ["a phone number", `<input name="verify_phone" autocomplete="tel">`, ""],
  ["a captcha", `<input name="captcha_code">`, ""],
  ["a voucher", `<label>Voucher code <input name="code"></label>`, ""],
  ["a licence key", `<label>Activation code <input name="code"></label>`, ""],
  ["a card's PIN", `<label>PIN <input name="pin" maxlength="4" inputmode="numeric"></label>`, ""],
  ["a secret, not its code", `<label>Secret key <input name="totp_secret"></label>`, ""],
  ["a setting about codes", `<label>Period <input name="totp_period" type="number"></label>`, ""],
  ["a search", `<p>Search the code</p><input type="search" name="search_code">`, ""],
  ["an amount", `<label>Amount <input name="amount" inputmode="numeric" maxlength="6"></label>`, ""],
  ["a date", `<label>Date of birth <input name="dob" maxlength="8"></label>`, ""],
  ["a user name", `<p>Two-factor authentication</p><label>User name <input name="user"></label>`, ""],
  ["a password", `<p>Authenticator app</p><label>Password <input type="password" name="password"></label>`, ""],
  ["a picture of letters", `<label>Code <input name="code"></label><img width="120" height="40">`, ""],
  ["a shape alone says nothing", `<input maxlength="6" inputmode="numeric" pattern="[0-9]{6}">`, ""],
  ["a QR picture", `<p>Authenticator app</p><img class="qr"><input name="otp">`, "1 enroll"],
  ["a masked number", `<p>Code sent to •••• 1234</p><input name="otp">`, "1 otp-sms"],
  ["a masked address", `<p>Code sent to j***@e***.com</p><input name="otp">`, "1 otp-email"],
  ["a way to have it sent again", `<p>Enter your code</p><input name="otp"><a>Resend code</a>`, "1 otp-sms"],
  ["other ways weigh little", `<p>Authenticator code</p><input name="otp"><a>Use a recovery code</a>`, "1 totp"],
  [
    "two kinds of code, parted by or",
    `<label>Verification code or backup code <input name="code"></label>`,
    "1 otp-any",
  ],
  ["a label that an app shows it", `<label>Passcode from the app <input name="passcode"></label>`, "1 totp"],
  [
    "a token behind a password",
    `<form><input type="password" name="password"><label>Token <input type="password"></label></form>`,
    "1 otp-any",
  ],
  ["a token without a password", `<form><label>Token <input type="password"></label><input></form>`, ""],
  [
    "a button to send what was typed",
    `<input name="otp" placeholder="The code you received"><button>Send</button>`,
    "1 otp-any",
  ],
  [
    "what an app's code is for",
    `<h1>Guest Wi-Fi</h1><p>Enter the code of your authenticator app. It is good for a week.</p><input inputmode="numeric">`,
    "1 totp",
  ],
  ["a group's name", `<div role="group" aria-label="Authenticator code">${boxes(6)}</div>`, "6 totp"],
  ["a legend", `<fieldset><legend>Authenticator code</legend><input name="code"></fieldset>`, "1 totp"],
  [
    "a code for something else in boxes made for codes",
    `<h1>Guest door code</h1><p>Choose 6 digits</p>${boxes(6, 'id="otp-1" autocomplete="one-time-code"')}`,
    "",
  ],
  ["a security key's one-time password", `<label>YubiKey OTP <input name="yubikey_otp"></label>`, ""],
  ["a value that the page put in", `<label>OTP length <input name="otp_length" value="6"></label>`, ""],
  [
    "an app on a phone is no message",
    `<p>Enter the code from the authenticator app on your phone</p><input name="code">`,
    "1 totp",
  ],
  [
    "a recovery code beside the app's",
    `<p>Type the code from your app, or one of your recovery codes</p><label>Two-factor code <input name="otp"></label>`,
    "1 totp",
  ],
  [
    "a mailed code in a field named as the app's",
    `<p>We sent a code by email to f***@example.org</p><input name="totp_token">`,
    "1 otp-email",
  ],
  [
    "one that is set up is not being set up",
    `<p>This account has two-factor set up</p><label>One-time code <input name="otp"></label>`,
    "1 otp-any",
  ],
  [
    "boxes that are disabled until the first is filled",
    `<p>Enter your TOTP code</p><input maxlength="1">${boxes(5, "disabled")}`,
    "6 totp",
  ],
  [
    "each field by its own block",
    `<div><p>Code sent by SMS</p><input name="a" maxlength="6"></div><div><p>Authenticator code</p><input name="b" maxlength="6"></div>`,
    "1 otp-sms, 1 totp",
  ],
  ["longer than any code", `<p>Authenticator app</p><input name="code" pattern="[A-Z0-9]{32}">`, ""],
  ["hidden", `<input type="hidden" name="otp">`, ""],
  ["disabled", `<input name="otp" disabled>`, ""],
  ["read-only", `<input name="otp" readonly>`, ""],
  ["a checkbox", `<input type="checkbox" name="otp">`, ""],
  ["too short for a code", `<input name="otp" maxlength="3">`, ""],
  ["a name field of an authenticator", `<input name="first_name" placeholder="First name">`, ""],
  ["a search for users of two factors", `<input name="otp_filter">`, ""],
  ["boxes that are no inputs", `<p>Authenticator code</p>${editables('role="textbox"', "<br>")}`, "6 totp"],
  ["boxes that are no inputs, filled", `<p>Authenticator code</p>${editables('role="textbox"', "7")}`, "6 totp"],
  ["boxes of a game", `<p>Guess the word</p>${editables().replaceAll(/Digit (.)/g, "Letter $1 of 6")}`, ""],
  ["boxes that nobody can write into", `<p>Code</p>${editables('aria-readonly="true"')}`, ""],
  ["boxes of which three are no inputs", `<p>Code</p>${boxes(3)}${editables().split("</div>", 3).join("</div>")}`, ""],
  ["no input but labelled", editable(), "1 otp-any"],
  [
    "no input, with blanks of the page",
    editable(`contenteditable="plaintext-only"`, "\n\u200b".repeat(9)),
    "1 otp-any",
  ],
  ["no input, named by a placeholder", `<p contenteditable data-placeholder="Verification code"></p>`, "1 otp-any"],
  ["no input, and says nothing", `<p>Enter your authenticator code</p><div contenteditable></div>`, ""],
  ["a chat beside the words", `<p>Enter the one-time code</p><div contenteditable aria-label="Message"></div>`, ""],
  ["an editor of several lines", editable(`aria-multiline="true"`), ""],
  ["an editor with blocks", editable("", "<p><br></p>"), ""],
  ["an editor with lines", editable("", "<br><br>"), ""],
  ["a note", editable("", "More than a code has"), ""],
  ["a part of an editor", `<div contenteditable><div contenteditable="false">${editable()}</div></div>`, ""],
  ["not editable", editable().replace("contenteditable", `contenteditable="false"`), ""],
  ["a disabled element", editable(`aria-disabled="true"`), ""],
  ["an element of another sort", editable().replaceAll("div", "pre"), ""],
  ["what is written into it says nothing", editable("", "sent by SMS"), "1 otp-any"],
  ["a cell of a sheet", editable(`role="gridcell"`), ""],
])("%s", (_name, html, want) => {
  document.body.innerHTML = `<form>${html}</form>`;
  const got = findFields(document).map(({ inputs, kind }) => `${inputs.length} ${kind}`);
  expect(got.join(", ")).toBe(want);
});

test("boxes that stand right in a shadow tree belong together", () => {
  const root = document.createElement("div").attachShadow({ mode: "open" });
  root.innerHTML = `<p>Enter the code of your authenticator app</p>${boxes(6)}`;
  document.body.replaceChildren(root.host);
  expect(findFields(root).map(({ inputs, kind }) => `${inputs.length} ${kind}`)).toEqual(["6 totp"]);
});

test("finds a field in a shadow tree that it is given", () => {
  const root = document.body.appendChild(document.createElement("div")).attachShadow({ mode: "open" });
  root.innerHTML = `<input autocomplete="one-time-code">`;
  expect(findFields(root)).toHaveLength(1);
});

test("says how sure it is, and why", () => {
  document.body.innerHTML = `<p>Enter the code from your authenticator app</p><input name="otp" autocomplete="one-time-code">`;
  const [field] = findFields(document);
  expect(field?.confidence).toBeGreaterThan(0.9);
  expect(field?.reasons).toContainEqual({ why: "asks" });
  expect(field?.reasons).toContainEqual({ why: "name", word: "otp", concept: "one-time code" });
});

test("is less sure of a field that says little", () => {
  document.body.innerHTML = `<label>Code <input name="code"></label>`;
  expect(findFields(document)[0]?.confidence).toBeLessThan(SURE);
});
