import type messages from "../public/_locales/en/messages.json";

/** The name of a string that people read. */
export type Word = keyof typeof messages;

/** A string in the browser's language, with its parts put in. */
export function say(word: Word, ...parts: readonly string[]): string {
  return chrome.i18n.getMessage(word, [...parts]);
}
