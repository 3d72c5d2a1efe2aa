declare module "codefob:lexicon" {
  /** The concepts, and tables: a line for each key, with its terms behind a tab, packed as lexicon.mjs says. */
  export const LEXICON: {
    readonly concepts: readonly string[];
    readonly names: string;
    readonly latin: string;
    readonly other: string;
    readonly unspaced: string;
  };
}
