import fc from 'fast-check';
import type { PolicyFiles } from '../../core/policy/files.ts';

const SPECIAL = [
  '\u0000',
  '\ufeff',
  '\u2028',
  '\u0085',
  '\u202e',
  '\ud800',
  '🦀',
  'é',
  '\r',
  '"',
  '\\',
  '//',
  '/*',
  ';',
  '}',
  '{',
  '(',
  '@id("x")',
  '?principal',
  '\\u{110000}',
];
const NESTS = ['(', '!', '-', '{a: ', '[', 'if true then ', 'principal.', 'context has a && '] as const;
const DEEPEST = 5_000;
const LONGEST = 200_000;

/** A policy folder with something wrong in one or more of its files; some are still good. */
export function hostileFiles(good: PolicyFiles): fc.Arbitrary<PolicyFiles> {
  const names = [...good.keys()];
  const change = fc.tuple(
    fc.constantFrom(...names, 'access/new.cedar', 'guardrails/new.cedar', 'elsewhere.cedar'),
    edit(),
  );
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const files = new Map(good);
    for (const [name, apply] of changes) files.set(name, apply(files.get(name) ?? ''));
    return files;
  });
}

type Edit = (text: string) => string;

function edit(): fc.Arbitrary<Edit> {
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const at = (text: string, share: number): number => Math.floor(text.length * share);
  return fc.oneof(
    // Random text in the place of the file.
    fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), bytes()).map(
      (junk): Edit =>
        () =>
          junk,
    ),
    // Something put in.
    fc.tuple(place, fc.oneof(fc.constantFrom(...SPECIAL), fc.string({ maxLength: 20 }), bytes())).map(
      ([share, put]): Edit =>
        (text) =>
          text.slice(0, at(text, share)) + put + text.slice(at(text, share)),
    ),
    // Something taken out.
    fc.tuple(place, fc.nat({ max: 40 })).map(
      ([share, count]): Edit =>
        (text) =>
          text.slice(0, at(text, share)) + text.slice(at(text, share) + count),
    ),
    // A piece said twice.
    fc.tuple(place, place, place).map(
      ([from, to, share]): Edit =>
        (text) => {
          const piece = text.slice(at(text, Math.min(from, to)), at(text, Math.max(from, to)));
          return text.slice(0, at(text, share)) + piece + text.slice(at(text, share));
        },
    ),
    // A policy that is deep, or long.
    fc.tuple(fc.constantFrom(...NESTS), fc.integer({ min: 1, max: DEEPEST })).map(
      ([nest, depth]): Edit =>
        (text) =>
          `${text}\n@id("deep") forbid (principal, action, resource) when { ${nest.repeat(depth)}true };`,
    ),
    fc.tuple(fc.constantFrom('a', '*', '🦀', '\\n'), fc.integer({ min: 1, max: LONGEST })).map(
      ([unit, count]): Edit =>
        (text) =>
          `${text}\n@id("long") forbid (principal, action, resource) when { "${unit.repeat(count)}" like "${'*a'.repeat(200)}" };`,
    ),
  );
}

/** As a file that is no text is read. */
function bytes(): fc.Arbitrary<string> {
  return fc.uint8Array({ maxLength: 200 }).map((all) => Buffer.from(all).toString('utf8'));
}
