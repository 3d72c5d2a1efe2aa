/**
 * Lower case without accents, in words of letters, marks and digits that are parted by single spaces. Accents of
 * Latin, Greek, Cyrillic, Hebrew and Arabic go; the vowel signs of Hindi and Thai stay, as they tell words apart.
 */
export function fold(text) {
  if (ASCII.test(text))
    return text
      .toLowerCase()
      .replace(/[^a-z\d*]+|\*+(?!$|[ ])/g, " ")
      .trim();
  return text
    .normalize("NFKD")
    .replace(/[\u0300-\u036f\u0591-\u05c7\u064b-\u0655\u0670]/g, "")
    .normalize("NFC")
    .toLowerCase()
    .replace(/[\u0131\u0142\u0111\u00f8\u00df\u00e6\u0259]/g, (c) => LETTERS[c])
    .replace(/\u0640/g, "")
    .replace(/\u0649|\u06cc/g, "\u064a")
    .replace(/\u06a9/g, "\u0643")
    .replace(/\u0629/g, "\u0647")
    .replace(BORDER, "$& ")
    .replace(/[^\p{L}\p{N}\p{M}*]+|\*+(?!$|[ ])/gu, " ")
    .trim();
}

/** A letter of a script that parts no words, or glues endings to them. */
export const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Hangul}]/u;
/** Most texts, and all names: the short way. */
const ASCII = /^[\0-\x7f]*$/;
/** Where such a script meets one that parts words: "SMSで" is two words. */
const BORDER =
  /[a-z\d](?=[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Hangul}])|[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Hangul}](?=[a-z\d])/gu;

const LETTERS = { ı: "i", ł: "l", đ: "d", ø: "o", ß: "ss", æ: "ae", ə: "e" };
