import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Directory } from '../../../core/access/directory.ts';
import { lookOf } from '../../../core/access/look.ts';

const entity = (id: string, type = 'User') => ({
  uid: { type, id },
  attributes: new Map(),
  parents: [],
  tags: new Map(),
});

test.each([
  ['alice', 'Alice'],
  ['alice', 'a1ice'],
  ['alice', 'аlice'],
  ['alice', 'ALICE'],
  ['josé', 'jose\u0301'],
  ['straße', 'STRASSE'],
  ['modern', 'rnodern'],
])('W2 %s and %s look the same', (one, other) => {
  expect(lookOf(one)).toBe(lookOf(other));
});

test.each([
  ['alice', 'alicia'],
  ['alice', 'alice2'],
  ['ann', 'anna'],
  ['0f0e8f2e-6f0a-4c58', '0f0e8f2e-6f0a-4c59'],
])('%s and %s do not', (one, other) => {
  expect(lookOf(one)).not.toBe(lookOf(other));
});

test('I25 what looks like something looks like what that looks like', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), (id) => {
      expect(lookOf(lookOf(id))).toBe(lookOf(id));
    }),
    { numRuns: 2_000 },
  );
});

test('W2 the directory finds whoever looks like somebody, as it changes', () => {
  const directory = new Directory();
  directory.apply(entity('alice'));
  expect(directory.lookAlike({ type: 'User', id: 'A1ice' })).toEqual({ type: 'User', id: 'alice' });
  expect(directory.lookAlike({ type: 'User', id: 'alice' })).toBeUndefined();
  expect(directory.lookAlike({ type: 'Group', id: 'A1ice' })).toBeUndefined();
  directory.apply(entity('bob'));
  expect(directory.lookAlike({ type: 'User', id: 'B0B' })).toEqual({ type: 'User', id: 'bob' });
  directory.remove({ type: 'User', id: 'alice' });
  expect(directory.lookAlike({ type: 'User', id: 'A1ice' })).toBeUndefined();
});
