import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const folder = new URL("../public/_locales/", import.meta.url);
const read = (locale) => JSON.parse(readFileSync(new URL(`${locale}/messages.json`, folder), "utf8"));
const english = read("en");
const parts = (text = "") => [...text.matchAll(/\$\d/g)].map(String).sort();

test.each(readdirSync(folder))("%s has every string, with the same parts", (locale) => {
  const messages = read(locale);
  expect(Object.keys(messages).sort()).toEqual(Object.keys(english).sort());
  for (const [name, { message }] of Object.entries(messages)) {
    expect(message.trim(), name).not.toBe("");
    expect(parts(message), name).toEqual(parts(english[name]?.message));
  }
});

test("every string is used", () => {
  const sources = readdirSync(new URL(".", import.meta.url)).filter((file) => /(?<!\.test)\.ts$/.test(file));
  const code = sources.map((file) => readFileSync(new URL(file, import.meta.url), "utf8")).join("\n");
  const manifest = readFileSync(new URL("../manifest.json", import.meta.url), "utf8");
  const built =
    /^(problem_\w+_(title|text)|(sms|email)_(title|lead|lead_bare)|marked_(totp|never)|sync_\w+_(title|text)|carrier_\w+|log_(fill|show|copy|recovery|print|sheet|export|backup|clear))$/; // put together by the code
  const unused = Object.keys(english).filter(
    (name) => !built.test(name) && !code.includes(`"${name}"`) && !manifest.includes(`__MSG_${name}__`),
  );
  expect(unused).toEqual([]);
});

test("U1 no page of ours has a field for a passphrase", () => {
  const sources = readdirSync(new URL(".", import.meta.url)).filter((file) => /(?<!\.test)\.(ts|html)$/.test(file));
  const makes = /(?<!=)=\s*"password"|"type",\s*"password"/;
  expect(sources.filter((file) => makes.test(readFileSync(new URL(file, import.meta.url), "utf8")))).toEqual([]);
});
