import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newCedarInstance } from '../../../core/policy/cedar-instance.ts';
import { formatProblem } from '../../../core/policy/problem.ts';
import { offsetOfByte, placeOf, problemAt, sourceText } from '../../../core/policy/source-text.ts';
import { checkSize, splitPolicies } from '../../../core/policy/split.ts';
import { tokenize } from '../../../core/policy/tokens.ts';

const HEAD = 'permit (principal, action, resource)';

function sizeProblem(condition: string): string | undefined {
  const [chunk] = splitPolicies(sourceText('access/a.cedar', `${HEAD} when { ${condition} };`));
  return chunk === undefined ? 'no policy' : checkSize(chunk)?.message;
}

describe('splitting a file into policies', () => {
  test('strings and comments may hold what elsewhere ends a policy', () => {
    const text = `// ; not this\n@id("a;b\\"; //") ${HEAD}; // x;\n\n  @id("c\nd") ${HEAD}\nwhen { "//" != ";" };\n// end`;
    const chunks = splitPolicies(sourceText('f', text));
    expect(chunks.map((chunk) => chunk.text)).toEqual([
      `@id("a;b\\"; //") ${HEAD};`,
      `@id("c\nd") ${HEAD}\nwhen { "//" != ";" };`,
    ]);
    expect(chunks.map(({ source, start }) => placeOf(source, start))).toMatchObject([
      { line: 2, column: 1 },
      { line: 4, column: 3 },
    ]);
  });

  test('more than ten policies stay in the order of the file', () => {
    const text = Array.from({ length: 12 }, (_, index) => `@id("p${index}") ${HEAD};`).join('\n');
    const ids = splitPolicies(sourceText('f', text)).map((chunk) => chunk.tokens[3]?.text);
    expect(ids).toEqual(Array.from({ length: 12 }, (_, index) => `"p${index}"`));
  });

  test('an unfinished policy is not lost', () => {
    expect(splitPolicies(sourceText('f', `${HEAD}; permit`)).map((chunk) => chunk.text)).toEqual([
      `${HEAD};`,
      'permit',
    ]);
  });

  test('nothing but blanks and comments is lost, whatever the text', () => {
    const piece = fc.constantFrom(
      '"',
      '\\',
      ';',
      '//',
      '\n',
      ' ',
      'a',
      '(',
      '@id("x")',
      HEAD,
      '/',
      'é',
      '😀',
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('');
        const kept = tokenize(text).map((token) => text.slice(token.start, token.end));
        expect(kept.join('')).toBe(withoutBlanks(text));
      }),
    );
  });

  test('Cedar cuts a file at the same places', () => {
    const cedar = newCedarInstance();
    const condition = fc.constantFrom(
      '"a;b" == "c"',
      '"\\"" == "//"',
      'true // ; }\n',
      '{"a;": 1} has a',
      '1 == 2',
    );
    fc.assert(
      fc.property(fc.array(condition, { minLength: 1, maxLength: 5 }), (conditions) => {
        const text = conditions.map((it) => `// c;\n${HEAD} when { ${it} };`).join('\n');
        const parts = cedar.policySetTextToParts(text);
        const texts = splitPolicies(sourceText('f', text)).map((chunk) => chunk.text);
        expect(parts).toMatchObject({ type: 'success', policies: texts });
      }),
      { numRuns: 30 },
    );
  });

  test('a megabyte of anything is cut in linear time', () => {
    for (const unit of ['"\\', '/ ', '"', 'a', ';', '(', '\\', '"a', ' a']) {
      const chunks = splitPolicies(sourceText('f', unit.repeat(1_000_000 / unit.length)));
      expect(chunks.length).toBeGreaterThan(0);
    }
    expect(splitPolicies(sourceText('f', `"${'a'.repeat(1_000_000)}";`))).toHaveLength(1);
  });
});

/** The text as Cedar's lexer sees it: strings kept, comments and blanks gone. */
function withoutBlanks(text: string): string {
  let kept = '';
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const [skipped] = /^(?:\s+|\/\/[^\n\r]*)/.exec(rest) ?? [];
    const [string] = /^"(?:[^"\\]|\\[^])*(?:"|\\?$)/.exec(rest) ?? [];
    const taken = skipped ?? string ?? rest[0] ?? '';
    if (skipped === undefined) kept += taken;
    at += taken.length;
  }
  return kept;
}

describe('D3 what is too large for Cedar', () => {
  test('D3 200 nested parentheses and a chain of 400 && are refused before Cedar sees them', () => {
    expect(sizeProblem(`${'('.repeat(200)}true${')'.repeat(200)}`)).toBe('brackets nested more than 50 deep');
    expect(sizeProblem(Array<string>(401).fill('context.b').join(' && '))).toBe(
      'more than 250 operators in one chain',
    );
  });

  test('D3 a policy of more than 64 KiB is refused', () => {
    expect(sizeProblem(`"${'x'.repeat(65_536)}" == "y"`)).toMatch(
      /^policy of 6\d+ bytes, wanted at most 65536$/,
    );
    expect(sizeProblem(`"${'é'.repeat(40_000)}" == "y"`)).toMatch(/bytes, wanted at most 65536$/);
  });

  test.each([
    [
      '&&',
      (n: number) =>
        Array(n + 1)
          .fill('context.b')
          .join(' && '),
    ],
    [
      '||',
      (n: number) =>
        Array(n + 1)
          .fill('context.b')
          .join(' || '),
    ],
    [
      '+',
      (n: number) =>
        `${Array(n + 1)
          .fill('1')
          .join(' + ')} == 3`,
    ],
    [
      '*',
      (n: number) =>
        `${Array(n + 1)
          .fill('1')
          .join(' * ')} == 3`,
    ],
    ['.', (n: number) => `principal${'.a'.repeat(n)} == 3`],
    ['[]', (n: number) => `principal${'["a"]'.repeat(n)} == 3`],
    ['if', (n: number) => `${'if context.b then true else '.repeat(n)} false`],
    ['when', (n: number) => `true }${' when { true }'.repeat(n)} unless { false`],
    [
      '&& in brackets',
      (n: number) =>
        `${'(true && true && true && true && true && true && '.repeat(n / 6)}true${')'.repeat(n / 6)}`,
    ],
    [
      '&& of ||',
      (n: number) => Array(n).fill(Array(n).fill('true').join(' && ')).join(' || ').slice(0, 60_000),
    ],
  ])('D3 a chain of %s is refused at some length, and what is let in cannot kill Cedar', (_name, make) => {
    expect(sizeProblem(make(402))).toBeDefined();
    expect(sizeProblem(make(12))).toBeUndefined();
    const longest = [240, 180, 120, 60, 12].find((n) => sizeProblem(make(n)) === undefined) ?? 0;
    const cedar = newCedarInstance();
    const answer = cedar.isAuthorized({
      principal: { type: 'U', id: 'u' },
      action: { type: 'Action', id: 'a' },
      resource: { type: 'U', id: 'u' },
      context: { b: true },
      policies: { staticPolicies: { p: `${HEAD} when { ${make(longest)} };` } },
      entities: [],
    });
    expect(answer.type).toMatch(/success|failure/);
  });

  test('many members are not deep', () => {
    expect(sizeProblem(`[${Array(2_000).fill('"a"').join(', ')}].contains(context.b)`)).toBeUndefined();
    expect(sizeProblem(Array(200).fill('context.a.b == principal.c.d').join(' && '))).toBeUndefined();
    expect(sizeProblem(`"${' && ('.repeat(1_000)}" == "x"`)).toBeUndefined();
  });
});

describe('a problem for people', () => {
  test('shows place, line, caret and hint', () => {
    const source = sourceText('access/a.cedar', 'first\r\n\tsecond line\r\nthird');
    const problem = problemAt(source, source.text.indexOf('line'), 'seen this, wanted that', 'do so');
    expect(formatProblem(problem)).toBe(
      'access/a.cedar:2:9: seen this, wanted that\n    \tsecond line\n    \t       ^\n  hint: do so',
    );
  });

  test('columns count characters, Cedar counts bytes', () => {
    const text = 'é😀 x';
    const source = sourceText('f', text);
    expect(problemAt(source, offsetOfByte(text, Buffer.byteLength('é😀 ')), 'm')).toMatchObject({
      line: 1,
      column: 4,
    });
  });

  test('of a long line only the part around the column is shown', () => {
    const source = sourceText('f', `${'a'.repeat(500)}!${'b'.repeat(500)}`);
    const [, line = '', caret = ''] = formatProblem(problemAt(source, 500, 'm')).split('\n');
    expect(line.length).toBeLessThan(140);
    expect(line[caret.indexOf('^')]).toBe('!');
  });

  test('a place beyond the text is its end', () => {
    expect(problemAt(sourceText('f', 'ab\n'), 99, 'm')).toMatchObject({ line: 2, column: 1, excerpt: '' });
  });
});
