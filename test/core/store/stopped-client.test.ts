import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import { transition } from '../../../core/store/transition.ts';
import { sharedDatabase } from './database.ts';
import { withdrawn } from './ledger-events.ts';
import { patiently } from './patiently.ts';

const OTHERS = 8;
const shared = sharedDatabase();

beforeAll(async () => {
  await sql`INSERT INTO entities SELECT format('User::"%s"', id), 'User', id, '{}' FROM unnest(ARRAY['ada', 'bob']) AS id`.execute(
    shared().open('owner'),
  );
});

/** A client that is stopped in its transaction: its connection stays, and nothing comes from it any more. */
async function stopAt(place: 'row' | 'head'): Promise<void> {
  const child = fork(fileURLToPath(new URL('stopped-process.ts', import.meta.url)), [place], {
    env: { ...process.env, DATABASE_URL: shared().urlOf('grant') },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  child.kill('SIGSTOP');
}

/** A transition that locks the row of this person. */
function write(grant: Database, id: string) {
  return transition(grant, 0n, async (trx) => {
    await sql`SELECT FROM entities WHERE uid = ${`User::"${id}"`} FOR UPDATE`.execute(trx);
    return { events: [withdrawn(randomUUID())], result: undefined };
  });
}

async function stoppedSessions(): Promise<number | undefined> {
  const { rows } = await sql<{ n: number }>`
    SELECT count(*)::int AS n FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'stopped-process'`.execute(
    shared().open('owner'),
  );
  return rows[0]?.n;
}

test('P6 a client stopped with a row locked holds up nobody but those who want that row, who are told and soon have it', {
  timeout: 120_000,
}, async () => {
  await stopAt('row');
  const grant = shared().open('grant', { poolSize: OTHERS });
  const refused = expect(write(grant, 'ada')).rejects.toMatchObject({ reason: 'CONFLICT' });
  const others = Array.from({ length: OTHERS }, () => write(grant, 'bob'));
  await expect(Promise.all(others)).resolves.toHaveLength(OTHERS);
  await refused;
  await expect.poll(stoppedSessions, patiently).toBe(0);
  await expect(write(grant, 'ada')).resolves.toMatchObject({ revision: BigInt(OTHERS + 1) });
});

test('P6 a client stopped between append and commit holds up everybody, and nobody fails for it', {
  timeout: 120_000,
}, async () => {
  const grant = shared().open('grant', { poolSize: OTHERS });
  const { revision } = await write(grant, 'bob');
  await stopAt('head');
  const others = Array.from({ length: OTHERS }, () => write(grant, 'bob'));
  const revisions = (await Promise.all(others)).map((done) => done.revision);
  // What was appended without a commit is gone, and leaves no gap.
  expect(new Set(revisions)).toEqual(new Set(others.map((_, i) => revision + BigInt(i + 1))));
});
