import type { Inputs } from "./boxes.ts";
import { MAX_NAME } from "./messages.ts";

/**
 * Names a field by what its own attributes say, so that it is known again when
 * the user comes back: "text name=otp id=otp-# x6". Digits and random-looking
 * words may differ from visit to visit, and count for nothing.
 */
export function nameOf(inputs: Inputs): string {
  const [first] = inputs;
  const said = (attribute: string) => {
    const value = steady(first.getAttribute(attribute) ?? "");
    return value && `${attribute}=${value}`;
  };
  const plain = ["name", "id"].map(said).filter(Boolean);
  const words = plain.length > 0 ? plain : ["autocomplete", "aria-label", "placeholder"].map(said).filter(Boolean);
  const name = [first.type, ...words].join(" ").slice(0, MAX_NAME - 4);
  return inputs.length > 1 ? `${name} x${inputs.length}` : name;
}

function steady(value: string): string {
  return value
    .replace(/\s+/g, " ")
    .trim()
    .replace(/(?=[a-z]*\d)(?=\d*[a-z])[a-z\d]{8,}|\d+/gi, "#");
}
