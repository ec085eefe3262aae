import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { migratedDatabase } from '../store/database.ts';
import { reviewed } from '../store/ledger-events.ts';
import { faultyAnswers } from './faulty-answers.ts';
import { append, revisions, startFollowing } from './following.ts';
import { patiently } from '../store/patiently.ts';

const hour = 3_600_000;

test('a follower starts from a snapshot and hands on every event after it, in order', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  await append(grant, 3);
  const { handed, reached, follower } = startFollowing({ database: open('decision') });
  await reached(3n);
  const event = reviewed('3f0c4b0e-8a51-4b57-9d51-6f2a52b7a001', 'with its text');
  await append(grant, [event]);
  await append(grant, 5);
  await reached(9n);
  expect(handed.history).toEqual(['@3', ...revisions(4, 9)]);
  expect(handed.events[0]?.event).toEqual(event);
  expect(follower.revision).toBe(9n);
  expect(follower.epoch).toBe(handed.snapshots[0]?.epoch);
});

test('a follower that is far behind reads batch after batch without pausing', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  const { handed, reached } = startFollowing({ database: open('decision'), batch: 7, pollMs: hour });
  await reached(0n);
  await append(grant, 100);
  await reached(100n);
  expect(handed.history).toEqual(['@0', ...revisions(1, 100)]);
});

test('a revision counts as reached only when a poll after the snapshot has told how current it is', async () => {
  const { open } = await migratedDatabase();
  const { clock, follower } = startFollowing({ database: open('decision') });
  await follower.waitFor(0n, 20_000);
  expect(clock.ageMs()).toBeLessThan(Number.POSITIVE_INFINITY);
});

test('D6 a follower that hears no bell sees what happened at its next look', async () => {
  const { open } = await migratedDatabase();
  const { follower } = startFollowing({ database: open('decision'), pollMs: 10 });
  await append(open('grant'), 2);
  await expect.poll(() => follower.revision, patiently).toBe(2n);
});

test('a bell wakes a follower that sleeps', async () => {
  const { open } = await migratedDatabase();
  const { follower, clock } = startFollowing({ database: open('decision'), pollMs: hour });
  await expect.poll(() => clock.ageMs(), patiently).toBeLessThan(hour);
  await append(open('grant'), 2);
  follower.ring();
  await expect.poll(() => follower.revision, patiently).toBe(2n);
});

test('whoever waits for a revision makes the follower look at once', async () => {
  const { open } = await migratedDatabase();
  const { follower, clock } = startFollowing({ database: open('decision'), pollMs: hour });
  await expect.poll(() => clock.ageMs(), patiently).toBeLessThan(hour);
  await append(open('grant'), 2);
  expect(await follower.waitFor(2n, 20_000)).toBe(true);
  expect(await follower.waitFor(1n, 0)).toBe(true);
  expect(await follower.waitFor(3n, 10)).toBe(false);
  expect(follower.waiting).toBe(0);
});

test('listeners are told after each look that brought something, a new snapshot too', async () => {
  const { open } = await migratedDatabase();
  const { follower, reached } = startFollowing({ database: open('decision'), batch: 100 });
  const heard: (bigint | undefined)[] = [];
  const leave = follower.onAdvance(() => heard.push(follower.revision));
  await reached(0n);
  await append(open('grant'), 3);
  await reached(3n);
  leave();
  await append(open('grant'), 1);
  await reached(4n);
  expect(heard).toEqual([0n, 3n]);
});

test('a good poll sets the clock, a look that did not reach the end does not', async () => {
  const { open } = await migratedDatabase();
  await append(open('grant'), 4);
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  const ages: number[] = [];
  const { clock, reached } = startFollowing({
    database: open('decision'),
    batch: 2,
    sink: {
      reset: async () => void (await append(open('grant'), 4)),
      apply: async () => {
        ages.push(clock.ageMs());
        await mayGoOn;
      },
    },
  });
  expect(clock.ageMs()).toBe(Number.POSITIVE_INFINITY);
  goOn();
  await reached(8n);
  expect(ages).toEqual([1, 2, 3, 4].map(() => Number.POSITIVE_INFINITY));
  await expect.poll(() => clock.ageMs(), patiently).toBeLessThan(hour);
  const { rows } = await sql<{ at: Date }>`SELECT clock_timestamp() AS at`.execute(open('decision'));
  expect(Math.abs(clock.late().getTime() - (rows[0]?.at.getTime() ?? 0))).toBeLessThan(5_000);
});

test('a sink that takes its time does not make the follower lose its place', async () => {
  const { open } = await migratedDatabase();
  const applying = Promise.withResolvers<void>();
  const applied = Promise.withResolvers<void>();
  const { follower, reached } = startFollowing({
    database: open('decision'),
    sink: {
      reset: () => Promise.resolve(),
      apply: () => {
        applying.resolve();
        return applied.promise;
      },
    },
  });
  await reached(0n);
  await append(open('grant'));
  await applying.promise;
  expect(follower.revision).toBe(0n);
  applied.resolve();
  await reached(1n);
});

test('a sink that fails half way starts again from a snapshot', async () => {
  const { open } = await migratedDatabase();
  const fails = new Set([2n]);
  const { handed, alarms, reached } = startFollowing({
    database: open('decision'),
    sink: {
      reset: () => Promise.resolve(),
      apply: ({ revision }) =>
        fails.delete(revision) ? Promise.reject(new Error('no memory')) : Promise.resolve(),
    },
  });
  await reached(0n);
  await append(open('grant'), 4);
  await reached(4n);
  expect(handed.history).toEqual(['@0', '1', '@4']);
  expect(alarms).toEqual(['the ledger could not be read']);
});

test('a failure that lasts is told once, and bells do not make the follower try faster', async () => {
  const { open } = await migratedDatabase();
  let attempts = 0;
  const counting = faultyAnswers(() => []);
  const nowhere = open('decision', { url: 'postgres://x@127.0.0.1:1/none' }).withPlugin({
    ...counting,
    transformQuery: ({ node }) => {
      attempts += 1;
      return node;
    },
  });
  const { follower, alarms } = startFollowing({ database: nowhere, pollMs: hour });
  await expect.poll(() => alarms, patiently).toEqual(['the ledger could not be read']);
  const before = attempts;
  for (let i = 0; i < 100; i++) {
    follower.ring();
    await nextTurn();
  }
  expect(attempts).toBe(before);
  expect(await follower.waitFor(1n, 1)).toBe(false);
});

test('an answer too big to arrive in time is asked for in parts', async () => {
  const { open } = await migratedDatabase();
  let refused = 0;
  const narrow = open('decision').withPlugin(
    faultyAnswers((rows) => {
      if (rows.length <= 3) return rows;
      refused += 1;
      throw new Error('Query read timeout');
    }),
  );
  const { handed, reached } = startFollowing({ database: narrow, batch: 64 });
  await reached(0n);
  await append(open('grant'), 64);
  await reached(64n);
  expect(refused).toBeGreaterThan(0);
  expect(handed.history).toEqual(['@0', ...revisions(1, 64)]);
});

test('closing ends it, wakes who waits, and leaves no connection', async () => {
  const { open } = await migratedDatabase();
  const database = open('decision', { name: 'closing-follower' });
  const { follower, reached } = startFollowing({ database, pollMs: hour });
  await reached(0n);
  const waiting = follower.waitFor(5n, hour);
  await follower.close();
  expect(await waiting).toBe(false);
  expect(await follower.waitFor(5n, hour)).toBe(false);
  expect(follower.waiting).toBe(0);
  await database.destroy();
  await expect.poll(() => sessions(open('owner'), 'closing-follower'), patiently).toBe(0);
});

test('closing one that sleeps after a failure does not wait for the next try', async () => {
  const { open } = await migratedDatabase();
  const database = open('decision', { url: 'postgres://x@127.0.0.1:1/none' });
  const { follower, alarms } = startFollowing({ database, pollMs: hour });
  await expect.poll(() => alarms.length, patiently).toBe(1);
  await follower.close();
});

async function sessions(owner: Parameters<typeof append>[0], name: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = ${name}`.execute(owner);
  return rows[0]?.n ?? 0;
}
