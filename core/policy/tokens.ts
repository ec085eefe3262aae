/** A word of Cedar's policy or schema language; comments and blanks are dropped. */
export interface Token {
  readonly kind: 'identifier' | 'string' | 'number' | 'operator' | 'bracket' | 'mark';
  readonly text: string;
  /** UTF-16, `[start, end)`. */
  readonly start: number;
  readonly end: number;
}

/**
 * Cedar's lexical grammar as far as guards and positions need it: line comments (which a carriage return ends, too), strings
 * with escapes (they may hold line breaks, brackets and `//`), everything else. What Cedar's own lexer refuses becomes a
 * `mark` and is left to Cedar.
 */
const TOKEN =
  /(?<blank>\s+|\/\/[^\n\r]*)|(?<string>"(?:[^"\\]|\\[\s\S])*(?:"|\\?$))|(?<identifier>[\p{L}_][\p{L}\p{N}_]*)|(?<number>\d+)|(?<operator>&&|\|\||==|!=|<=|>=|::|[<>+\-*!.=])|(?<bracket>[()[\]{}])|(?<mark>[\s\S])/uy;

const KINDS = ['string', 'identifier', 'number', 'operator', 'bracket', 'mark'] as const;

/** Cuts a text into tokens in linear time; never fails. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null && match[0] !== ''; match = TOKEN.exec(text)) {
    const kind = KINDS.find((it) => match?.groups?.[it] !== undefined);
    if (kind !== undefined) {
      tokens.push({ kind, text: match[0], start: match.index, end: match.index + match[0].length });
    }
  }
  return tokens;
}
