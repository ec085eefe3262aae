import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RowChains } from '../../../core/access/row-chains.ts';

const HASHES = 5;
const hashOf = (row: number): number => (row % HASHES) - 2;
const byNumber = (a: number, b: number): number => a - b;

test('rows are found by their hash from when they are added until they are removed, however many there are', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(2_000)), fc.infiniteStream(fc.boolean()), (rows, choices) => {
      const chains = new RowChains(hashOf);
      for (const row of rows) chains.add(row);
      const left = rows.filter(() => choices.next().value);
      for (const row of rows) if (!left.includes(row)) chains.remove(row);
      for (let hash = -2; hash < HASHES - 2; hash += 1) {
        const found = chains.of(hash).filter((row) => hashOf(row) === hash);
        expect(found.toSorted(byNumber)).toEqual(
          left.filter((row) => hashOf(row) === hash).toSorted(byNumber),
        );
      }
    }),
  );
});
