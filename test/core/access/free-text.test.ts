import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkFreeText } from '../../../core/access/free-text.ts';

const INVISIBLE = [
  0x061c, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2066,
  0x2067, 0x2068, 0x2069, 0xfeff,
];

describe('W10 a text that people are to read', () => {
  const refused = [
    ...Array.from({ length: 32 }, (_, code) => code),
    ...Array.from({ length: 33 }, (_, code) => 0x7f + code),
    ...INVISIBLE,
  ].map(
    (code) => [`U+${code.toString(16).toUpperCase().padStart(4, '0')}`, String.fromCodePoint(code)] as const,
  );

  it.each(refused)('is refused with %s in it, and the message shows no such character', (name, character) => {
    const problem = checkFreeText(`before${character}after`);
    expect(problem).toContain(name);
    expect(problem).not.toContain(character);
  });

  it('is refused beyond its length in code points, not in UTF-16 units', () => {
    expect(checkFreeText('🙂'.repeat(2_000))).toBeUndefined();
    expect(checkFreeText('🙂'.repeat(2_001))).toContain('2001 characters');
  });

  it('is refused when it is not well-formed', () => {
    expect(checkFreeText('a\ud800b')).toContain('lone surrogate');
  });

  it('is taken when it is printable text of any script', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom(...Array.from('az AZ09<>&"\'é数й✓🙂=+-@|`$*_[]()')),
          maxLength: 200,
        }),
        (text) => {
          expect(checkFreeText(text)).toBeUndefined();
        },
      ),
    );
  });
});
