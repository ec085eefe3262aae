import { expect, it } from 'vitest';
import { scan } from '../../../services/grant/scan.ts';

const { signal } = new AbortController();

/** A list of so many rows, by place, of which only those are wanted that the test says. */
async function scanned(most: number, wanted: (row: number) => boolean, before?: number) {
  let read = 0;
  const listed = await scan<number, number>(
    { before, size: 2 },
    ({ before: after = 0, size }) => {
      const rows = Array.from({ length: Math.min(size, most - after) }, (_, index) => after + index + 1);
      read += rows.length;
      return Promise.resolve({ rows, isLast: rows.length < size });
    },
    { positionOf: (row) => row, isWanted: wanted, signal },
  );
  return { ...listed, read };
}

it('W9 a page of a list examines so many rows at most, however few are wanted, and says where the next goes on', async () => {
  const { found, next, read } = await scanned(100_000, (row) => row === 99_999);
  expect(found).toEqual([]);
  expect(read).toBeLessThanOrEqual(2_200);
  expect(next).toBeLessThanOrEqual(read);
  expect(next).toBeGreaterThan(0);
});

it('a page that is full says where the next goes on, and the last one that nothing does', async () => {
  const isEven = (row: number): boolean => row % 2 === 0;
  expect(await scanned(7, isEven)).toMatchObject({ found: [2, 4], next: 4 });
  expect(await scanned(7, isEven, 4)).toMatchObject({ found: [6], next: undefined });
});
