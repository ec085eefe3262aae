const BLANK = /[ \t\r\n]*/y;
const WORD =
  /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;

/** What may stand next: a value, a key of an object, the colon behind it, or what follows a value. */
type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | 'end or ,';

/** The offset at which a text stops being JSON, which the parser's own message often leaves out; its length when it only ends too early. */
export function jsonErrorOffset(text: string): number {
  const open: ('[' | '{')[] = [];
  let expected: Expected = 'value';
  let at = 0;
  for (;;) {
    at = after(BLANK, text, at) ?? at;
    const mark = text[at];
    if (mark === undefined) return text.length;
    const inside = open.at(-1);
    if (expected === 'end or ,') {
      const closes = (inside === '[' && mark === ']') || (inside === '{' && mark === '}');
      if (!closes && (mark !== ',' || inside === undefined)) return at;
      if (closes) open.pop();
      else expected = inside === '{' ? 'key' : 'value';
      at++;
    } else if (expected === ':') {
      if (mark !== ':') return at;
      expected = 'value';
      at++;
    } else if ((mark === ']' && expected === 'value or ]') || (mark === '}' && expected === 'key or }')) {
      open.pop();
      expected = 'end or ,';
      at++;
    } else if ((mark === '[' || mark === '{') && expected.startsWith('value')) {
      open.push(mark);
      expected = mark === '[' ? 'value or ]' : 'key or }';
      at++;
    } else {
      const isKey = expected.startsWith('key');
      const next = isKey && mark !== '"' ? undefined : after(WORD, text, at);
      if (next === undefined) return at;
      expected = isKey ? ':' : 'end or ,';
      at = next;
    }
  }
}

/** Where a match that begins at the offset ends. */
function after(pattern: RegExp, text: string, offset: number): number | undefined {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
