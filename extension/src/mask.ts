import { MAX_LABEL } from "./messages.ts";

const NUMBER = /(?:\+\d{1,3}[ -]?)?\(?(?:[•*·●∗✱xX#][ ()-]*){2,}\d[\d -]{0,6}\d|\+\d[\d ()-]{6,16}\d/;
const ADDRESS = /[\p{L}\d][\p{L}\d._•*·●∗✱…-]{0,30}@[\p{L}\d*•·●∗✱…-]{1,30}(?:\.[\p{L}*•·●∗✱…-]{2,12})+/u;

/** How much of a page's text is looked at, in characters. */
const ENOUGH = 2000;

/**
 * Where the page says that a code went, as it shows it: a masked number or
 * address in the text around the field; "" where there is none.
 */
export function sentTo(field: Element, kind: "otp-sms" | "otp-email"): string {
  const pattern = kind === "otp-sms" ? NUMBER : ADDRESS;
  for (let around = field.parentElement, up = 0; around && up < 8; around = around.parentElement, up++) {
    const text = around.textContent ?? "";
    if (text.length > ENOUGH) return "";
    const [found] = pattern.exec(text.replace(/\s+/g, " ")) ?? [];
    if (found) return found.slice(0, MAX_LABEL);
  }
  return "";
}
