// Compiles src/lexicon/*.txt: for the bundler a module "codefob:lexicon" with the terms of each concept by script.
import { readdir, readFile } from "node:fs/promises";
import { fold, UNSPACED } from "./src/fold.mjs";

/** Languages in Latin letters whose short words mean other things in others: read only in pages that declare them. */
const DECLARED = new Set(["af", "az", "ca", "et", "eu", "fil", "gl", "hr", "is", "lt", "lv", "ms", "sl", "sq", "sw"]);
const FOLDER = new URL("src/lexicon/", import.meta.url);

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

/** In which table a term stands: "latin" where it has no letters but those. */
function table(term) {
  const other = /(?!\p{sc=Latin})\p{L}/u.exec(term)?.[0];
  if (!other) return "latin";
  return UNSPACED.test(other) ? "unspaced" : "other";
}

/** Under which key terms.ts looks a term up: its first characters, or the last two of a word behind "*". */
function key(term) {
  if (term.startsWith("*")) return `*${term.slice(-2)}`;
  return UNSPACED.test(term[0]) ? term.slice(0, 2) : `${term} `.slice(0, 3);
}

/** The terms of one key in order, each as a sign from "=" to "Z" for its concept, how much of the one before it starts with, and the rest. */
function packed(key, entries, concepts) {
  let before = key;
  return entries
    .sort((one, other) => (one.term < other.term ? -1 : 1))
    .map(({ term, concept }) => {
      let same = 0;
      while (same < 35 && same < term.length && term[same] === before[same]) same++;
      before = term;
      return String.fromCharCode(61 + concepts.indexOf(concept)) + same.toString(36) + term.slice(same);
    })
    .join("");
}

/** The lexicons of all languages as tables from keys to terms, `names` (what programmers call their fields) apart. */
export async function compile() {
  const names = ["names", "latin", "other", "unspaced", ...DECLARED];
  const tables = Object.fromEntries(names.map((name) => [name, new Map()]));
  const concepts = [];
  for (const file of (await readdir(FOLDER)).sort())
    for (const [concept, terms] of parse(await readFile(new URL(file, FOLDER), "utf8"), file)) {
      if (!concepts.includes(concept)) concepts.push(concept);
      const language = file.replace(".txt", "");
      for (const line of terms) {
        const term = line.startsWith("*") ? `*${fold(line.slice(1))}` : fold(line);
        const name = file === "names.txt" ? "names" : table(term);
        const into = tables[name === "latin" && DECLARED.has(language) ? language : name];
        const alike = into.get(key(term)) ?? [];
        into.set(key(term), alike);
        if (!alike.some((each) => each.concept === concept && covers(each.term, term))) alike.push({ term, concept });
      }
    }
  if (concepts.length > 30) throw new Error("there are more concepts than signs for them"); // see packed
  const texts = Object.entries(tables).map(([name, of]) => {
    return [name, [...of].map(([key, entries]) => `${key}\t${packed(key, entries, concepts)}`).join("\n")];
  });
  return { concepts, tables: Object.fromEntries(texts) };
}

/** Whether what one term finds is found by the other too. */
function covers(one, other) {
  return one === other || (one.endsWith("*") && !one.startsWith("*") && other.startsWith(one.slice(0, -1)));
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
