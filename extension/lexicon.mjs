// Compiles src/lexicon/*.txt: for the bundler a module "codefob:lexicon" with one pattern for each concept.
import { readdir, readFile } from "node:fs/promises";
import { fold } from "./src/fold.mjs";

const FOLDER = new URL("src/lexicon/", import.meta.url);
/** Scripts that part no words, or glue endings to them: matched anywhere. */
const ANYWHERE = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Hangul}]/u;
/** Scripts that write an article or a preposition before the word, in one with it. */
const PREFIXED = /^[\p{sc=Hebrew}\p{sc=Arabic}]/u;

/** The terms of a file by concept: headings in brackets, a term a line, "#" for remarks. */
function parse(text, file) {
  const terms = new Map();
  let heading = "";
  for (const line of text.split("\n").map((line) => line.trim())) {
    if (!line || line.startsWith("#")) continue;
    const found = /^\[(.+)\]$/.exec(line);
    if (found) {
      heading = found[1];
      terms.set(heading, []);
    } else if (terms.has(heading)) terms.get(heading).push(line);
    else throw new Error(`${file}: a term stands before the first heading: ${line}`);
  }
  return terms;
}

/** The terms of a concept, to be made a regular expression where they are used: "*" any ending, "^" a prefix. */
function pattern(terms) {
  const words = [];
  const parts = [];
  for (const term of new Set(terms.map(fold))) {
    if (!term) continue;
    if (ANYWHERE.test(term)) parts.push(term);
    else words.push(PREFIXED.test(term) && term.length > 3 ? `^${term}` : term);
  }
  return { words: shared(words), parts: shared(parts) };
}

/** The terms as one regular expression, long ones first, that shares what they begin with where that is shorter. */
function shared(terms) {
  const rest = new Set(terms.toSorted((a, b) => b.length - a.length));
  const parts = [];
  for (const term of rest) {
    const prefix = best(term, rest);
    const alike = [...rest].filter((each) => each.startsWith(prefix));
    for (const each of alike) rest.delete(each);
    parts.push(alike.length > 1 ? prefix + bracketed(alike.map((each) => each.slice(prefix.length))) : term);
  }
  return parts.join("|");
}

/** The beginning of a term that saves most when it is written once; the term itself when none does. */
function best(term, terms) {
  let [found, most] = [term, 0];
  for (let end = 1; end <= term.length; end++) {
    const prefix = term.slice(0, end);
    const alike = [...terms].filter((each) => each.startsWith(prefix)).length;
    const saved = (alike - 1) * Buffer.byteLength(prefix) - 5;
    if (saved > most) [found, most] = [prefix, saved];
  }
  return found;
}

function bracketed(rests) {
  const some = rests.filter(Boolean);
  return `(?:${shared(some)})${some.length < rests.length ? "?" : ""}`;
}

/** Concept to pattern, of all languages together; `names` (what programmers call their fields) apart. */
export async function compile() {
  const spoken = new Map();
  const names = new Map();
  for (const file of (await readdir(FOLDER)).sort())
    for (const [concept, terms] of parse(await readFile(new URL(file, FOLDER), "utf8"), file)) {
      const into = file === "names.txt" ? names : spoken;
      into.set(concept, [...(into.get(concept) ?? []), ...terms]);
    }
  const patterns = (of) => Object.fromEntries([...of].map(([concept, terms]) => [concept, pattern(terms)]));
  return { spoken: patterns(spoken), names: patterns(names) };
}

const source = async () => `export const LEXICON = ${JSON.stringify(await compile())};`;

/** For esbuild. */
export const lexicon = {
  name: "lexicon",
  setup(build) {
    build.onResolve({ filter: /^codefob:lexicon$/ }, ({ path }) => ({ path, namespace: "lexicon" }));
    build.onLoad({ filter: /.*/, namespace: "lexicon" }, async () => ({ contents: await source(), loader: "js" }));
  },
};

/** For Vitest. */
export const lexiconForTests = {
  name: "lexicon",
  resolveId: (id) => (id === "codefob:lexicon" ? `\0${id}` : undefined),
  load: (id) => (id === "\0codefob:lexicon" ? source() : undefined),
};
