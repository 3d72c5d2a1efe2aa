import { expect, test } from "vitest";
import { fromOptions, fromPage, fromPicture, fromPopup, linkIn } from "./messages.ts";

test.each([
  ["a field", { type: "field", field: { number: 1, kind: "totp" }, focused: true }],
  ["no field", { type: "field", focused: false }],
  ["an answer to a look", { type: "field", look: 4, focused: false }],
  ["where the code went", { type: "field", field: { number: 1, kind: "otp-sms", mask: "•• 12" }, focused: true }],
  ["a typed password", { type: "field", field: { number: 1, kind: "none", append: true }, focused: true }],
  [
    "what it has",
    {
      type: "seen",
      ask: 1,
      fields: [
        {
          name: "text",
          label: "City",
          kind: "none",
          sure: 9,
          reasons: [{ why: "label", word: "x", concept: "code" }],
          marked: "never",
        },
      ],
    },
  ],
  ["a press on the chip", { type: "open" }],
  ["a fill", { type: "filled", fill: 2, outcome: { ok: true, step: "keys" } }],
  ["a refusal", { type: "filled", fill: 2, outcome: { ok: false, why: "covered" } }],
])("a page may send %s", (_name, message) => {
  expect(fromPage(message)).toEqual(message);
});

test.each([
  undefined,
  null,
  "open",
  [],
  { type: "fill" },
  { type: "field", field: { number: 1, kind: "admin" } },
  { type: "field", field: { number: -1, kind: "totp" } },
  { type: "field", field: "totp" },
  { type: "filled", fill: 2, outcome: { ok: true, step: "magic" } },
  { type: "filled", fill: 2, outcome: { ok: false, why: "constructor" } },
  { type: "filled", fill: 1.5, outcome: { ok: true, step: "keys" } },
  { type: "seen", ask: 1 },
  { type: "seen", ask: 1, fields: [{ name: "", label: "", kind: "none", sure: 9, reasons: [] }] },
  { type: "seen", ask: 1, fields: [{ name: "x".repeat(67), label: "", kind: "none", sure: 9, reasons: [] }] },
  { type: "seen", ask: 1, fields: [{ name: "x", label: "x".repeat(61), kind: "none", sure: 9, reasons: [] }] },
  { type: "seen", ask: 1, fields: [{ name: "x", label: "", kind: "none", sure: 101, reasons: [] }] },
  { type: "seen", ask: 1, fields: Array(21).fill({ name: "x", label: "", kind: "none", sure: 9, reasons: [] }) },
])("a page may not send %j", (message) => {
  expect(fromPage(message)).toBeUndefined();
});

test("what a page says of its origin is dropped", () => {
  const said = { type: "open", origin: "https://bank.example", tab: 1, documentId: "X" };
  expect(fromPage(said)).toEqual({ type: "open" });
});

test.each([
  { type: "open", tab: "1" },
  { type: "fill", state: 1, handle: 7 },
  { type: "fill", state: 1, handle: "x".repeat(129) },
  { type: "fill", handle: "h" },
  { type: "code", handle: "h", purpose: "fill" },
  { type: "copied", code: "" },
  { type: "copied", code: "x".repeat(65) },
  { type: "search", query: "x".repeat(257) },
  { type: "export" },
  { type: "teach", page: 0, field: "", as: "totp" },
  { type: "teach", page: 0, field: "x", as: "always" },
  { type: "remind", reminder: "seen" },
  { type: "enroll", from: "camera" },
  { type: "picture", picture: "not base64!" },
  { type: "picture", picture: "" },
  { type: "text", text: "" },
  { type: "text", text: "x".repeat(32769) },
  { type: "save", state: 1, ticket: "t", issuer: "A" },
  { type: "save", ticket: "t", issuer: "A", account: "a" },
  { type: "save", state: 1, ticket: "t", issuer: "x".repeat(257), account: "a" },
  { type: "allow", handle: "h" },
  { type: "keep" },
])("the popup may not send %j", (message) => {
  expect(fromPopup(message)).toBeUndefined();
});

test("only a plain true agrees", () => {
  const fill = { type: "fill", state: 1, handle: "h" };
  expect(fromPopup({ ...fill, allow: "yes" })).toEqual({ ...fill, allow: false });
});

test("a picture comes with the tab that it is for", () => {
  expect(fromPicture({ tab: 3, picture: "aGk=", host: "x" })).toEqual({ tab: 3, picture: "aGk=" });
  expect(fromPicture({ tab: "3", picture: "aGk=" })).toBeUndefined();
  expect(fromPicture({ tab: 3, picture: "data:," })).toBeUndefined();
});

test.each([
  [{ otpauth: "otpauth://totp/A?secret=AAAA" }, true],
  [{ otpauth: "otpauth-migration://offline?data=AAAA" }, true],
  [{ otpauth: "https://a.example/otpauth:" }, false],
  [{ otpauth: `otpauth://totp/${"A".repeat(32768)}` }, false],
  [{ otpauth: ["otpauth://totp/A"] }, false],
  ["otpauth://totp/A?secret=AAAA", false],
  [undefined, false],
])("a link for an authenticator app: %#", (message, is) => {
  expect(linkIn(message) !== undefined).toBe(is);
});

const edit = { handle: "h", issuer: "A", account: "", sites: ["a.example"], append: false, submit: true, ask: false };

test.each([
  { type: "services" },
  { type: "services", ask: -1 },
  { type: "list", ask: 1, query: "x".repeat(81), offset: 0 },
  { type: "list", ask: 1, query: "", offset: "0" },
  { type: "log", ask: 1, offset: -1 },
  { type: "edit", ask: 1, edit: undefined },
  { type: "edit", ask: 1, edit: { ...edit, ask: "no" } },
  { type: "edit", ask: 1, edit: { ...edit, sites: "a.example" } },
  { type: "edit", ask: 1, edit: { ...edit, sites: Array(102).fill("a.example") } },
  { type: "edit", ask: 1, edit: { ...edit, issuer: "x".repeat(601) } },
  { type: "remove", ask: 1, handle: 1 },
  { type: "restore", ask: 1, handle: "x".repeat(129) },
  { type: "picture", ask: 1, picture: "<svg>" },
  { type: "text", ask: 1, text: "x".repeat(32769) },
  { type: "enroll", ask: 1, ticket: "t", issuer: "A" },
  { type: "code", ask: 1, handle: "h" },
])("the options page may not send %j", (message) => {
  expect(fromOptions(message)).toBeUndefined();
});

test("what an edit has beyond its parts is dropped", () => {
  const said = { type: "edit", ask: 1, edit: { ...edit, secret: "x" } };
  expect(fromOptions(said)).toEqual({ type: "edit", ask: 1, edit });
});
