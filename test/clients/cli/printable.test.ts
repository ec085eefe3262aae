import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columns, facts } from '../../../clients/cli/columns.ts';
import { printable, printableJson, shorten, text } from '../../../clients/cli/printable.ts';

const anything = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
    .map((units) => String.fromCharCode(...units)),
  fc.string({
    unit: fc.constantFrom('\u001b', '\u009b', '\r', '\n', '\b', '\u202e', '\u2066', '\u200b', '\u2028', 'a'),
  }),
);
/** C0, DEL and C1, direction changes, zero width, line separators, halves of pairs. */
const harmful = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Cs}/u;

describe('W10 text of others carries no control character to a terminal', () => {
  test('W10 in a line', () => {
    fc.assert(
      fc.property(anything, (given) => {
        expect(printable(given)).not.toMatch(harmful);
        expect(text`by ${given}`).not.toMatch(harmful);
      }),
    );
  });

  test('W10 in a line, with the character that Unicode keeps for another direction', () => {
    expect(printable('a\u2065b')).toBe('a\\u{2065}b');
  });

  test('W10 in a table, in facts and shortened', () => {
    fc.assert(
      fc.property(anything, anything, (a, b) => {
        const lines = [...columns([a, b], [[b, { text: a, paint: (it) => it }]]), ...facts([[a, b]])];
        for (const line of lines) expect(line).not.toMatch(harmful);
        expect(printable(shorten(a, 5))).not.toMatch(harmful);
      }),
    );
  });

  test('W10 in JSON, which stays the same to a parser', () => {
    fc.assert(
      fc.property(fc.dictionary(anything, anything, { noNullPrototype: true }), (given) => {
        const json = printableJson(given);
        expect(json.replaceAll('\n', '')).not.toMatch(harmful);
        expect(JSON.parse(json)).toEqual(given);
      }),
    );
  });
});

test.each([
  ['a\u001b[31mb', String.raw`a\u{1b}[31mb`],
  ['a\nb', String.raw`a\nb`],
  ['\u202egnp.exe', String.raw`\u{202e}gnp.exe`],
  ['naïve ünïcode 漢字 🙂', 'naïve ünïcode 漢字 🙂'],
])('%j is shown as %s', (given, shown) => {
  expect(printable(given)).toBe(shown);
});

test('a table has columns as wide as their widest cell', () => {
  expect(
    columns(
      ['A', 'LONG'],
      [
        ['wider', 'x'],
        ['y', ''],
      ],
    ),
  ).toEqual(['A      LONG', 'wider  x', 'y']);
});
