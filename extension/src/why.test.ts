import { expect, test } from "vitest";
import { report } from "./why.ts";

test("a report names no site and quotes no page", () => {
  const field = {
    name: "text name=secretword id=alice field of acme x6",
    label: "Alice's code",
    kind: "otp-any",
    sure: 71,
    reasons: [{ why: "label", word: "alices code", concept: "code" }, { why: "unsaid" }],
    page: 0,
    host: "private.example",
  } as const;
  const text = report([field], "1.0", "Firefox/153");
  expect(text).not.toMatch(/alice|secretword|private|acme/i);
  expect(JSON.parse(text)).toEqual({
    codefob: "1.0",
    browser: "Firefox/153",
    fields: [{ shape: "text name id x6", kind: "otp-any", sure: 71, reasons: ["label: code", "unsaid"] }],
  });
});
