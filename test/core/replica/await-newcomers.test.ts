import { expect, test } from 'vitest';
import { awaitNewcomers } from '../../../core/replica/await-newcomers.ts';
import { append, startFollowing } from '../feed/following.ts';
import { migratedDatabase } from '../store/database.ts';
import { patiently } from '../store/patiently.ts';

const hour = 3_600_000;
const ada = { type: 'User', id: 'ada' };
const name = { id: 'ada', by: 'token' } as const;

/** A follower that has looked once, and a resolver that knows Ada when the first event has arrived. */
async function stage() {
  const { open } = await migratedDatabase();
  const { follower, handed, clock } = startFollowing({ database: open('decision'), pollMs: hour });
  await expect.poll(() => clock.ageMs(), patiently).toBeLessThan(hour);
  const resolve = awaitNewcomers(() => (handed.events.length > 0 ? ada : undefined), follower);
  return { follower, resolve, grant: open('grant') };
}

test('who is known is found at once', async () => {
  const { follower, resolve, grant } = await stage();
  await append(grant, 1);
  await follower.waitFor(1n, 20_000);
  expect(resolve(name)).toEqual(ada);
});

test('who came a moment ago is found by the next look', async () => {
  const { follower, resolve, grant } = await stage();
  const found = resolve(name);
  await append(grant, 1);
  follower.ring();
  expect(await found).toEqual(ada);
});

test('who is still unknown after it, or when none comes, is unknown', async () => {
  const { follower, resolve } = await stage();
  const found = resolve(name);
  follower.ring();
  expect(await found).toBeUndefined();
  expect(await resolve(name)).toBeUndefined();
});

test('a flood of unknown names waits in bounds, and makes nobody look', async () => {
  const { follower, resolve, grant } = await stage();
  const flood = Array.from({ length: 1_000 }, async () => await resolve(name));
  expect(resolve(name)).toBeUndefined();
  await append(grant, 1);
  expect(new Set(await Promise.all(flood))).toEqual(new Set([undefined]));
  expect(follower.revision).toBe(0n);
});
