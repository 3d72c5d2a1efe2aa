import type { Inputs } from "./boxes.ts";
import { attribute } from "./editable.ts";
import { MAX_NAME } from "./messages.ts";

/**
 * Names a field by what its own attributes say, so that it is known again when
 * the user comes back: "text name=otp id=otp-# x6". Digits and random-looking
 * words may differ from visit to visit, and count for nothing. A field without a
 * word of its own goes by its label, else by the page that it is on.
 */
export function nameOf(inputs: Inputs): string {
  const [first] = inputs;
  const said = (name: string) => {
    const value = steady(attribute(first, name));
    return value && `${name}=${value}`;
  };
  const plain = ["name", "id"].map(said).filter(telling);
  const words = plain.length > 0 ? plain : ["autocomplete", "aria-label", "placeholder"].map(said).filter(telling);
  if (words.length === 0) words.push(`label=${steady(first.labels?.[0]?.textContent ?? "")}`);
  if (!words.some(telling)) words[0] = `at=${steady(location.pathname)}`;
  const name = [first.type ?? "editable", ...words].join(" ").slice(0, MAX_NAME - 4);
  return inputs.length > 1 ? `${name} x${inputs.length}` : name;
}

function steady(value: string): string {
  return value
    .replace(/\s+/g, " ")
    .trim()
    .replace(/(?=[a-z]*\d)(?=\d*[a-z])[a-z\d]{8,}|\d+/gi, "#");
}

/** Whether more than one letter is left of a word. */
function telling(said: string): boolean {
  return /=.*\p{L}.*\p{L}/u.test(said);
}
