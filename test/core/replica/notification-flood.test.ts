import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { follow } from '../../../core/replica/follow.ts';
import { connect, type Database } from '../../../core/store/connect.ts';
import { listenForAppends } from '../../../core/store/doorbell.ts';
import { startOwnPostgres, type OwnPostgres } from '../../support/own-postgres.ts';
import { createDatabaseOn, type TestDatabase } from '../../support/postgres.ts';
import { faultyAnswers } from '../feed/faulty-answers.ts';
import { append, revisions, startFollowing } from '../feed/following.ts';
import { patiently } from '../store/patiently.ts';

const FLOOD_MS = 2_000;
const DEBOUNCE_MS = 5;

let server: OwnPostgres;
let database: TestDatabase;

beforeAll(async () => {
  server = await startOwnPostgres();
  database = await createDatabaseOn(server.url);
});
afterAll(() => server[Symbol.asyncDispose]());

function open(url: string): Database {
  const pool = connect({
    url,
    name: 'flood-test',
    poolSize: 1,
    statementTimeoutMs: 30_000,
    onConnectionLost: () => undefined,
  });
  onTestFinished(() => pool.destroy());
  return pool;
}

test('P5 a flood of notifications by a role that may only read makes nobody look more often than the bell may ring, and nothing wrong', {
  timeout: 120_000,
}, async () => {
  let looks = 0;
  const counting = open(database.decisionUrl).withPlugin(
    faultyAnswers((rows) => {
      looks += 1;
      return rows;
    }),
  );
  // Every look is one that a bell brings.
  const { follower, handed, alarms, reached } = startFollowing({ database: counting, pollMs: 3_600_000 });
  const bell = listenForAppends(database.decisionUrl, () => follower.ring());
  onTestFinished(() => bell.close());
  await reached(0n);
  const [grant, flooder] = [open(database.grantUrl), open(database.notifyUrl)];
  looks = 0;
  const startedAt = performance.now();
  let bells = 0;
  let appended = 0;
  while (performance.now() - startedAt < FLOOD_MS) {
    await sql`SELECT count(pg_notify('curfew_ledger', '{"revision":' || n || ',"kind":"GRANT_STARTED"}'))
      FROM generate_series(1, 10000) AS n`.execute(flooder);
    bells += 10_000;
    await append(grant, 1);
    appended += 1;
  }
  await reached(BigInt(appended));
  const elapsedMs = performance.now() - startedAt;
  expect(bells).toBeGreaterThan(elapsedMs);
  expect(looks).toBeLessThan(elapsedMs / DEBOUNCE_MS + 2 * appended + 10);
  expect(handed.history).toEqual(['@0', ...revisions(1, appended)]);
  expect(alarms).toEqual([]);
});

test('P5 a queue that fills up behind a listener that has stopped is told', {
  timeout: 120_000,
}, async () => {
  const stopped = new pg.Client({ connectionString: database.notifyUrl });
  await stopped.connect();
  onTestFinished(() => stopped.end());
  await stopped.query('LISTEN curfew_ledger');
  // In a transaction it takes nothing from the queue.
  await stopped.query('BEGIN');
  await stopped.query('SELECT 1');
  const told: string[] = [];
  const followed = follow({
    databaseUrl: database.decisionUrl,
    name: 'flooded',
    log: { info: () => undefined, error: (_, message) => told.push(message) },
    tidyMs: 50,
  });
  onTestFinished(() => followed.close());
  // One hundredth of the queue is 80 MB.
  await sql`SELECT count(pg_notify('elsewhere', n || repeat('x', 7900))) FROM generate_series(1, 12000) AS n`.execute(
    open(database.notifyUrl),
  );
  await expect
    .poll(() => told, patiently)
    .toContainEqual(expect.stringContaining('queue of notifications fills up'));
  expect(told).toHaveLength(1);
});
