/** One word of a POSIX shell command that stands for exactly this text; readable as it is where that is possible. */
export function shellQuote(word: string): string {
  if (/^[\w@%+:,./-]+$/.test(word) && !word.startsWith('~')) return word;
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
