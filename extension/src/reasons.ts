import type { Concept } from "./concepts.ts";

/** Where a word stands that speaks for a field or against it. */
export type Place = "name" | "label" | "group" | "before" | "far" | "after" | "button" | "title";

/** What speaks for a field or against it, beside words. */
export type Fact =
  | "asks" // the browser for a one-time code
  | "asks_new" // the browser for a new password
  | "asks_other" // the browser for word
  | "long" // takes more characters than a code has
  | "search"
  | "preset" // the page has filled it in
  | "roomy" // has room for sentences
  | "label_other"
  | "label_nothing"
  | "nothing" // nothing near it asks for a code
  | "boxes" // one for each character
  | "digits" // a few
  | "alone" // the only field
  | "another" // the text near it speaks of a code of another kind
  | "captcha" // a picture of letters beside it
  | "mask" // something was sent to a masked number or address
  | "code_sent"
  | "message_sent"
  | "recovery" // and this is what it takes: a recovery code
  | "setup" // the first code of a new authenticator
  | "both" // an authenticator's code or a message's
  | "app" // an authenticator's code
  | "two" // a second factor
  | "phone" // a code sent by phone
  | "mail" // a code sent by e-mail
  | "unsaid"; // the page does not say where the code comes from

/** One reason for what a field is taken for. The popup puts it in words. */
export type Reason =
  | { readonly why: Place; readonly word: string; readonly concept: Concept }
  | { readonly why: Fact; readonly word?: string };
