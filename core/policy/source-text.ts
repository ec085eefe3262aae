import type { Problem } from './problem.ts';

/** A file's text that knows its lines. Offsets are UTF-16 unless said otherwise. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  /** Offset of the first character of each line. */
  readonly lineStarts: readonly number[];
}

/** Enough for any line that people write; a minified one is cut. */
const MAX_EXCERPT = 4_000;

/** Finds the lines of a text; `\n` and `\r\n` end one. */
export function sourceText(file: string, text: string): SourceText {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return { file, text, lineStarts };
}

/** The problem at an offset of the file, with its line. */
export function problemAt(
  source: SourceText,
  offset: number,
  message: string,
  hint?: string | null,
): Problem {
  const at = Math.min(Math.max(offset, 0), source.text.length);
  const { line, column, start } = placeOf(source, at);
  const end = source.text.indexOf('\n', start);
  const excerpt = source.text.slice(start, end === -1 ? undefined : end).replace(/\r$/, '');
  return {
    file: source.file,
    line,
    column,
    message,
    ...(hint === undefined || hint === null ? {} : { hint }),
    excerpt: excerpt.slice(0, MAX_EXCERPT),
  };
}

/** Line and column (characters), both 1-based, and the offset where the line starts. */
export function placeOf(source: SourceText, offset: number): { line: number; column: number; start: number } {
  let low = 0;
  let high = source.lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((source.lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  const start = source.lineStarts[low] ?? 0;
  return { line: low + 1, column: Array.from(source.text.slice(start, offset)).length + 1, start };
}

/** The UTF-16 offset of a UTF-8 byte offset, which Cedar counts in. */
export function offsetOfByte(text: string, byte: number): number {
  return Buffer.from(text, 'utf8').subarray(0, byte).toString('utf8').length;
}
