import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type EntityUid, formatUid, parseUidKey, sameUid, uidKey } from '../../../core/access/entity.ts';

const uid: fc.Arbitrary<EntityUid> = fc.record({
  type: fc.constantFrom('User', 'User::Admin', 'Curfew::System'),
  id: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a"', 'a\\', '"::"', 'User::"a"', '', '\u2028', '\ud800'),
  ),
});

test('a key is the name of one entity, whatever its id contains', () => {
  fc.assert(
    fc.property(uid, uid, (a, b) => {
      expect(uidKey(a) === uidKey(b)).toBe(sameUid(a, b));
    }),
    { numRuns: 1_000 },
  );
});

test('the entity comes back from its key', () => {
  fc.assert(
    fc.property(uid, (one) => {
      expect(parseUidKey(uidKey(one))).toEqual(one);
    }),
  );
});

test("a uid is written in Cedar's notation", () => {
  expect(formatUid({ type: 'Team::User', id: 'ada' })).toBe('Team::User::"ada"');
  expect(formatUid({ type: 'User', id: 'a "b"' })).toBe('User::"a \\"b\\""');
});

test.for(['', 'User', 'User::', 'User::ada', 'User::"ada', 'User::"ada"x', 'User::"ada"::"bob"'])(
  '%j is no key',
  (text) => {
    expect(() => parseUidKey(text)).toThrow(SyntaxError);
  },
);

test('uids of different types or ids differ', () => {
  const ada = { type: 'User', id: 'ada' };
  expect(sameUid(ada, { ...ada })).toBe(true);
  expect(sameUid(ada, { type: 'User', id: 'Ada' })).toBe(false);
  expect(sameUid(ada, { type: 'Group', id: 'ada' })).toBe(false);
});
