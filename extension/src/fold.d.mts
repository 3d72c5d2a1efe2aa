export const UNSPACED: RegExp;
export function fold(text: string): string;
