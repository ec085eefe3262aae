import { expect, test } from 'vitest';
import { RevisionWaiters } from '../../../core/feed/revision-waiters.ts';

test('whoever waits is told when the revision is reached, and not before', async () => {
  const waiters = new RevisionWaiters();
  const settled: string[] = [];
  const five = waiters.wait(5n, 60_000).then((reached) => settled.push(`five ${reached}`));
  const seven = waiters.wait(7n, 60_000).then((reached) => settled.push(`seven ${reached}`));
  waiters.reached(4n, true);
  expect(waiters.size).toBe(2);
  waiters.reached(6n, true);
  await five;
  expect(settled).toEqual(['five true']);
  expect(waiters.size).toBe(1);
  waiters.reached(7n, true);
  await seven;
  expect(settled).toEqual(['five true', 'seven true']);
  expect(waiters.size).toBe(0);
});

test('whoever waits for too long is told that it was not reached, and forgotten', async () => {
  const waiters = new RevisionWaiters();
  expect(await waiters.wait(5n, 1)).toBe(false);
  expect(waiters.size).toBe(0);
});

test('listeners hear of news only, until they leave', () => {
  const waiters = new RevisionWaiters();
  let heard = 0;
  const leave = waiters.listen(() => {
    heard += 1;
  });
  waiters.reached(1n, true);
  waiters.reached(1n, false);
  expect(heard).toBe(1);
  leave();
  waiters.reached(2n, true);
  expect(heard).toBe(1);
});

test('closing tells all who wait that it was not reached, and whoever comes later at once', async () => {
  const waiters = new RevisionWaiters();
  const waiting = [waiters.wait(1n, 60_000), waiters.wait(2n, 60_000)];
  waiters.close();
  expect(await Promise.all(waiting)).toEqual([false, false]);
  expect(await waiters.wait(1n, 60_000)).toBe(false);
  expect(waiters.size).toBe(0);
});
