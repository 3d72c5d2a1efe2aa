declare module "codefob:lexicon" {
  /** The concepts, and tables: a line for each key, with its terms behind a tab, packed as lexicon.mjs says. */
  export const LEXICON: {
    readonly concepts: readonly string[];
    /** `names`, `latin`, `other`, `unspaced`, and languages that are read only where they are declared. */
    readonly tables: Readonly<Record<string, string>>;
  };
}
