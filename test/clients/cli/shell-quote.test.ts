import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shellQuote } from '../../../clients/cli/shell-quote.ts';

/** The words as a POSIX shell hands them to a program. */
function wordsOf(commandLine: string): readonly string[] {
  return execFileSync('sh', ['-c', `printf '%s\\0' ${commandLine}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);
}

const word = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom("'", '"', '\\', '$', '`', '!', '~', ' ', '\n', '*', '#', '=', '-', 'a', ';', '&'),
    }),
  )
  .filter((text) => text.isWellFormed() && !text.includes('\0'));

test('a shell reads back exactly the words that were quoted', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
      expect(wordsOf(words.map(shellQuote).join(' '))).toEqual(words);
    }),
    { numRuns: 150 },
  );
});

test.each(['read', 'Database::orders', '--workflow', '1h30m', 'a@b.c', './x'])(
  '%s stays as it is',
  (plain) => {
    expect(shellQuote(plain)).toBe(plain);
  },
);

test.each(['', '~root', 'a b', "it's", '$HOME', 'User::"a"'])('%j is put in quotes', (special) => {
  expect(shellQuote(special)).toMatch(/^'.*'$/);
});
