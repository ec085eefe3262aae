import type { UnknownRow } from 'kysely';
import { CompiledQuery, sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import { migratedDatabase, type OpenDatabase } from '../store/database.ts';
import { tcpProxy } from '../store/tcp-proxy.ts';
import { areEvents, faultyAnswers } from './faulty-answers.ts';
import { append, revisions, startFollowing } from './following.ts';
import { patiently } from '../store/patiently.ts';

const again = 'this is not the ledger that was followed: starting again';
const hour = 3_600_000;

test('D7 answers that come shuffled and doubled are handed on in order, each event once', async () => {
  const { open } = await migratedDatabase();
  const random = seeded(7);
  const shuffled = open('decision').withPlugin(
    faultyAnswers((rows) => {
      if (!areEvents(rows)) return rows;
      const doubled = rows.flatMap((row) => (random() < 0.3 ? [row, row] : [row]));
      return doubled.toSorted(() => random() - 0.5);
    }),
  );
  const { handed, alarms, reached } = startFollowing({ database: shuffled, batch: 9 });
  await reached(0n);
  for (let i = 0; i < 15; i++) await append(open('grant'), 1 + (i % 5));
  await reached(45n);
  expect(handed.history).toEqual(['@0', ...revisions(1, 45)]);
  expect(alarms).toEqual([]);
});

test('D8 rows dropped from answers are noticed, never passed over, and made good', async () => {
  const { open } = await migratedDatabase();
  const random = seeded(8);
  const lossy = open('decision').withPlugin(
    faultyAnswers((rows) => {
      if (!areEvents(rows)) return rows;
      const left = rows.filter(() => random() > 0.2);
      return left.length > 0 ? left : rows.map(withoutEvent).slice(0, 1);
    }),
  );
  const { handed, alarms, reached } = startFollowing({ database: lossy, batch: 10 });
  await reached(0n);
  let last = 0n;
  for (let i = 0; i < 20; i++) last = await append(open('grant'), 5);
  await reached(last);
  expect(alarms.length).toBeGreaterThan(0);
  for (const alarm of alarms) expect(alarm).toContain('rows are missing');
  let at = 0n;
  for (const step of handed.history) {
    const revision = BigInt(step.replace('@', ''));
    if (!step.startsWith('@')) expect(revision).toBe(at + 1n);
    at = revision;
  }
  expect(at).toBe(last);
});

test('D9 another hash at the cursor is another history: it starts again', async () => {
  const { open } = await migratedDatabase();
  await append(open('grant'), 3);
  const { handed, alarms, reached } = startFollowing({ database: open('decision') });
  await reached(3n);
  const changed = `UPDATE ledger SET hash = sha256(hash) WHERE revision = 3; UPDATE ledger_head SET hash = sha256(hash)`;
  await open('owner').executeQuery(CompiledQuery.raw(changed));
  await expect.poll(() => handed.history, patiently).toEqual(['@3', '@3']);
  expect(alarms).toEqual([`${again}: the row that was read last has another hash`]);
});

test('D9 a history that lost our last rows is noticed before anything of it is handed on', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  await append(grant, 4);
  const { handed, alarms, reached, follower } = startFollowing({ database: open('decision'), pollMs: hour });
  await reached(4n);
  await open('owner').executeQuery(
    CompiledQuery.raw(`
      UPDATE ledger_head SET revision = 2, hash = ledger.hash FROM ledger WHERE ledger.revision = 2;
      DELETE FROM ledger WHERE revision > 2`),
  );
  await append(grant, 3);
  follower.ring();
  await expect
    .poll(() => alarms, patiently)
    .toEqual([`${again}: the row that was read last has another hash`]);
  expect(handed.history).toEqual(['@4']);
  expect(follower.revision).toBeUndefined();
});

test('D9 a database set back behind the cursor is followed from where it is', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  await append(grant, 4);
  const { handed, alarms, reached } = startFollowing({ database: open('decision') });
  await reached(4n);
  await open('owner').executeQuery(
    CompiledQuery.raw(`
      UPDATE ledger_head SET revision = 2, hash = ledger.hash FROM ledger WHERE ledger.revision = 2;
      DELETE FROM ledger WHERE revision > 2`),
  );
  await expect.poll(() => handed.history, patiently).toEqual(['@4', '@2']);
  await append(grant, 1);
  await reached(3n);
  expect(handed.history).toEqual(['@4', '@2', '3']);
  expect(alarms).toEqual([`${again}: the row that was read last is gone`]);
});

test('D10 a changed epoch starts it again, in the new one', async () => {
  const { open } = await migratedDatabase();
  await append(open('grant'), 2);
  const { follower, handed, alarms, reached } = startFollowing({ database: open('decision') });
  await reached(2n);
  const before = follower.epoch;
  await sql`UPDATE ledger_head SET epoch = gen_random_uuid()`.execute(open('owner'));
  await expect.poll(() => handed.history, patiently).toEqual(['@2', '@2']);
  expect(alarms).toEqual([`${again}: the epoch has changed: the database was restored`]);
  expect(follower.epoch).not.toBe(before);
});

test('a ledger that stays broken is told once and followed at no more than the pace of polls', async () => {
  const { open } = await migratedDatabase();
  await append(open('grant'), 2);
  await sql`UPDATE ledger_head SET hash = sha256(hash)`.execute(open('owner'));
  const { follower, handed, alarms, clock } = startFollowing({ database: open('decision'), pollMs: hour });
  await expect.poll(() => alarms.length, patiently).toBe(1);
  for (let i = 0; i < 20; i++) follower.ring();
  await follower.waitFor(9n, 50);
  expect(handed.history).toEqual(['@2']);
  expect(clock.ageMs()).toBe(Number.POSITIVE_INFINITY);
});

test('D18 a standby is never followed, and is once it is promoted', async () => {
  const database = await migratedDatabase();
  await append(database.open('grant'), 2);
  const { demote, promote } = await standby(database);
  await demote();
  const { follower, clock, handed, alarms, reached } = startFollowing({
    database: database.open('decision'),
  });
  await expect.poll(() => alarms, patiently).toEqual(['the ledger could not be read']);
  expect(await follower.waitFor(1n, 50)).toBe(false);
  expect(follower.revision).toBeUndefined();
  expect(handed.history).toEqual([]);
  expect(clock.ageMs()).toBe(Number.POSITIVE_INFINITY);
  await promote();
  await reached(2n);
});

test('D18 a writer that becomes a standby is followed no more until it is promoted again', async () => {
  const database = await migratedDatabase();
  const { demote, promote } = await standby(database);
  const { follower, handed, alarms, reached } = startFollowing({ database: database.open('decision') });
  await reached(0n);
  await demote();
  await expect.poll(() => follower.revision, patiently).toBeUndefined();
  await append(database.open('grant'), 2);
  expect(await follower.waitFor(1n, 50)).toBe(false);
  expect(handed.history).toEqual(['@0']);
  await promote();
  await reached(2n);
  expect(alarms[0]).toBe(`${again}: the database is a standby, which may lag: follow the writer`);
});

test('I15 a follower whose connection is killed again and again misses nothing', async () => {
  const { open } = await migratedDatabase();
  const owner = open('owner');
  const grant = open('grant');
  const { handed, reached } = startFollowing({
    database: open('decision', { name: 'killed-follower' }),
    pollMs: 1,
  });
  await reached(0n);
  for (let i = 0; i < 15; i++) {
    await append(grant, 3);
    await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'killed-follower'`.execute(owner);
  }
  await reached(45n);
  expect(handed.history).toEqual(['@0', ...revisions(1, 45)]);
});

test('I15 a network that is cut and mended is followed on from where it was', async () => {
  const { open, urlOf } = await migratedDatabase();
  const proxy = await tcpProxy(urlOf('decision'));
  const database = open('decision', { url: proxy.through(urlOf('decision')), poolSize: 1 });
  const { handed, alarms, reached, follower } = startFollowing({ database });
  await append(open('grant'), 2);
  await reached(2n);
  await proxy.cut();
  await expect.poll(() => alarms, patiently).toEqual(['the ledger could not be read']);
  expect(follower.revision).toBe(2n);
  await append(open('grant'), 2);
  await proxy.mend();
  await reached(4n);
  expect(handed.events.map((placed) => String(placed.revision)).slice(-2)).toEqual(revisions(3, 4));
  expect(handed.snapshots).toHaveLength(1);
});

test('I15 a connection that hangs is given up and the ledger followed on from where it was', async () => {
  const { open, urlOf } = await migratedDatabase();
  const proxy = await tcpProxy(urlOf('decision'));
  const database = open('decision', {
    url: proxy.through(urlOf('decision')),
    poolSize: 1,
    statementTimeoutMs: 200,
  });
  const { handed, reached } = startFollowing({ database });
  await reached(0n);
  proxy.hang();
  await append(open('grant'), 2);
  await reached(2n);
  expect(handed.history).toEqual(['@0', ...revisions(1, 2)]);
});

function withoutEvent(row: UnknownRow): UnknownRow {
  return { ...row, revision: null, hash: null, previous_hash: null, body: null, text: null };
}

/** Numbers from 0 to 1 that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

interface Standby {
  readonly demote: () => Promise<void>;
  readonly promote: () => Promise<void>;
}

/** Lets the database say of itself that it is a standby: sessions opened from now on ask our function first. */
async function standby({ open }: OpenDatabase): Promise<Standby> {
  const owner: Database = open('owner');
  const { rows } = await sql<{ statement: string }>`
    SELECT format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()) AS statement`.execute(
    owner,
  );
  await sql.raw(rows[0]?.statement ?? '').execute(owner);
  return {
    demote: async () => {
      await sql`CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'`.execute(
        owner,
      );
    },
    promote: async () => {
      await sql`DROP FUNCTION public.pg_is_in_recovery()`.execute(owner);
    },
  };
}
