import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import { verifyAside } from '../../../core/store/verify-aside.ts';
import { verifyLedger } from '../../../core/store/verify-ledger.ts';
import { sharedDatabase } from './database.ts';
import { makeLedger } from './long-ledger.ts';
import { patiently } from './patiently.ts';

const NAME = 'verify-aside-test';

const shared = sharedDatabase();
beforeAll(() => makeLedger(shared().open('owner'), 50));

const task = (from = 1n) => ({ databaseUrl: shared().urlOf('grant'), name: NAME, from });

async function sessions(): Promise<number | undefined> {
  const { rows } = await sql<{ n: number }>`
    SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = ${NAME}`.execute(
    shared().open('owner'),
  );
  return rows[0]?.n;
}

test.for([1n, 7n, 51n, 60n])('a thread finds from %i on what is found without it', async (from) => {
  const found = await verifyAside(task(from), new AbortController().signal);
  expect(found).toEqual(await verifyLedger(shared().open('grant'), from));
  await expect.poll(sessions, patiently).toBe(0);
});

test('a database that is away is told as such', async () => {
  const away = { ...task(), databaseUrl: 'postgres://x@127.0.0.1:1/none' };
  await expect(verifyAside(away, new AbortController().signal)).rejects.toMatchObject({
    reason: 'DATABASE_UNAVAILABLE',
  });
});

test('nobody waits any more: it ends, and so does its session', async () => {
  const waiting = new AbortController();
  const verifying = verifyAside(task(), waiting.signal);
  waiting.abort(new Error('gone'));
  await expect(verifying).rejects.toThrow('gone');
  await expect(verifyAside(task(), waiting.signal)).rejects.toThrow('gone');
  await expect.poll(sessions, patiently).toBe(0);
});
