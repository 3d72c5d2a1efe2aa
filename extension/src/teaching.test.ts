// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { groups } from "./boxes.ts";
import { nameOf } from "./marks.ts";
import { sentTo } from "./mask.ts";
import { MAX_NAME } from "./messages.ts";
import { fieldsIn, marksFrom, seenIn } from "./teaching.ts";

function page(html: string) {
  document.body.innerHTML = html;
  return groups(document).map((inputs) => ({ inputs, name: nameOf(inputs) }));
}

test.each([
  ["its name and id", `<input name="otp" id="code">`, "text name=otp id=code"],
  ["no digits of them", `<input type="tel" name="otp_123" id="field-9">`, "tel name=otp_# id=field-#"],
  ["no random words", `<input id="r8f3a9c1e2">`, "text at=/"],
  ["its words where it has neither", `<input aria-label=" Your   code ">`, "text aria-label=Your code"],
  ["how many boxes there are", `<input maxlength="1" name="digit">`.repeat(6), "text name=digit x6"],
  ["its label where it has no words", `<label>City <input id="9"></label>`, "text label=City"],
  ["its page where it has nothing", `<input type="password">`, "password at=/"],
])("a field is named by %s", (_what, html, name) => {
  expect(page(html)[0]?.name).toBe(name);
});

test("a field's name fits the wire, whatever the page calls it", () => {
  const [long] = page(`<input name="${"語".repeat(300)}">`);
  expect(long?.name.length).toBeLessThanOrEqual(MAX_NAME);
  expect(new TextEncoder().encode(long?.name).length).toBeLessThanOrEqual(200);
});

test("what the user said of a field counts before what the page says", () => {
  const [code, other] = page(
    `<label>Authenticator code <input name="otp"></label><label>City <input name="city"></label>`,
  );
  const kinds = (marks: Parameters<typeof marksFrom>[0]) =>
    fieldsIn(document, marksFrom(marks)).map(({ inputs, kind }) => `${inputs[0].name} ${kind}`);
  expect(kinds([])).toEqual(["otp totp"]);
  expect(kinds([{ field: code?.name ?? "", as: "never" }])).toEqual([]);
  expect(kinds([{ field: other?.name ?? "", as: "totp" }])).toEqual(["city totp", "otp totp"]);
});

test("every field in sight is told of, with what was said of it", () => {
  const [, city] = page(
    `<label>Authenticator code <input name="otp"></label><label>City <input name="city"></label><input name="gone">`,
  );
  const marks = marksFrom([{ field: city?.name ?? "", as: "never" }]);
  const seen = seenIn(document, marks, ([input]) => input.name !== "gone");
  expect(seen.map(({ label, kind, marked }) => [label, kind, marked])).toEqual([
    ["Authenticator code", "totp", undefined],
    ["City", "none", "never"],
  ]);
  expect(seen[0]?.reasons.length).toBeGreaterThan(0);
});

test.each([
  ["otp-sms", "We sent a code to •••• ••12.", "•••• ••12"],
  ["otp-sms", "Texted to +49 *** *** 4711", "+49 *** *** 4711"],
  ["otp-sms", "Sent to (•••) •••-••78", "(•••) •••-••78"],
  ["otp-sms", "We sent a code to your phone. It is valid for 10 minutes.", ""],
  ["otp-email", "Look in j***@e***.com for it", "j***@e***.com"],
  ["otp-email", "Sent to alice@mail.example.", "alice@mail.example"],
  ["otp-email", "We sent you a code", ""],
] as const)("%s: “%s” was sent to “%s”", (kind, text, to) => {
  document.body.innerHTML = `<div><p>${text}</p><div><input></div></div>`;
  const input = document.querySelector("input");
  expect(input && sentTo(input, kind)).toBe(to);
});
