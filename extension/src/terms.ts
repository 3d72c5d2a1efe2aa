import { LEXICON } from "codefob:lexicon";
import { UNSPACED } from "./fold.mjs";

/** A word or words of the lexicon, and what a text that has them speaks of. */
interface Term<C> {
  readonly text: string; // folded, without "*"
  readonly open: boolean; // any ending may follow
  readonly concept: C;
}

/** Where in a text a concept was named. */
export interface Hit<C> {
  readonly concept: C;
  readonly start: number;
  readonly end: number;
}

/** From here on letters may be of a script that is not read word by word. */
const HEBREW = 0x590;
/** Hebrew and Arabic write an article or a preposition before the word, in one with it. */
const ARABIC_END = 0x780;

/**
 * Finds the terms of a table in folded texts: one look into the table for each word, whatever the number of terms.
 * Those of a key are read once a text asks for them: of thousands of terms a page needs few.
 */
export class Terms<C extends string> {
  readonly #packed = new Map<string, string>();
  readonly #read = new Map<string, readonly Term<C>[]>();

  constructor(table: string) {
    for (const line of (LEXICON.tables[table] ?? "").split("\n")) {
      const tab = line.indexOf("\t");
      this.#packed.set(line.slice(0, tab), line);
    }
  }

  /** All terms in a folded text that starts and ends with a space. */
  find(text: string): Hit<C>[] {
    const hits: Hit<C>[] = [];
    for (let at = 1; at > 0 && at < text.length; at = text.indexOf(" ", at) + 1) {
      const end = text.indexOf(" ", at);
      const first = text.charCodeAt(at);
      if (first < HEBREW) this.#word(text, at, hits);
      else if (first < ARABIC_END)
        for (let to = at; to < at + 3 && (to === at || to < end - 3); to++) this.#word(text, to, hits, to > at ? 4 : 0);
      else if (UNSPACED.test(text.slice(at, end))) this.#anywhere(text, at, end, hits);
      else this.#word(text, at, hits);
      for (const { text: tail, concept } of this.#terms(`*${text.slice(end - 2, end)}`))
        if (end - at > tail.length + 1 && text.startsWith(tail, end - tail.length))
          hits.push({ concept, start: at, end });
    }
    return hits;
  }

  #word(text: string, at: number, hits: Hit<C>[], shortest = 0) {
    for (const { text: term, open, concept } of this.#terms(text.slice(at, at + 3)))
      if (term.length >= shortest && text.startsWith(term, at) && (open || text[at + term.length] === " "))
        hits.push({ concept, start: at, end: open ? text.indexOf(" ", at + term.length) : at + term.length });
  }

  #anywhere(text: string, at: number, end: number, hits: Hit<C>[]) {
    for (let i = at; i < end; i++)
      for (const { text: term, concept } of this.#terms(text.slice(i, i + 2)))
        if (text.startsWith(term, i)) hits.push({ concept, start: i, end: i + term.length });
  }

  #terms(key: string): readonly Term<C>[] {
    const known = this.#read.get(key);
    if (known) return known;
    const line = this.#packed.get(key);
    if (!line) return [];
    const terms = unpack<C>(line);
    this.#read.set(key, terms);
    return terms;
  }
}

function unpack<C>(line: string): readonly Term<C>[] {
  const tab = line.indexOf("\t");
  let before = line.slice(0, tab);
  return line
    .slice(tab + 1)
    .split(/(?=[=-Z])/)
    .map((entry) => {
      before = before.slice(0, Number.parseInt(entry[1] ?? "0", 36)) + entry.slice(2);
      const star = before.endsWith("*");
      const text = before.slice(before.startsWith("*") ? 1 : 0, star ? -1 : undefined);
      const concept = LEXICON.concepts[entry.charCodeAt(0) - 61] as C;
      return { text, open: star || UNSPACED.test(text.slice(-1)), concept };
    });
}
