declare module "codefob:lexicon" {
  interface Patterns {
    readonly words: string; // whole words
    readonly parts: string; // anywhere, of languages that part no words
  }
  export const LEXICON: Readonly<Record<"spoken" | "names", Readonly<Record<string, Patterns>>>>;
}
