import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import { type Due, DUE_KINDS, type DueKind, readDue } from '../../../core/store/due.ts';
import { sharedDatabase } from './database.ts';

const shared = sharedDatabase();
const ROWS = 20_000;
const DUE = 7;
const PAGE = 3;

/** Many that are not due, and a few that are, some at the same instant. */
beforeAll(async () => {
  const owner = shared().open('owner');
  await owner.connection().execute(async (connection) => {
    // Without the requests that they belong to.
    await sql`SET session_replication_role = replica`.execute(connection);
    await plantItems(connection, ROWS, '1 day');
    await plantItems(connection, DUE, '-1 day');
    await plantGrants(connection, { state: 'ACTIVE', count: ROWS, from: '-1 hour', to: '1 day' });
    await plantGrants(connection, { state: 'SCHEDULED', count: ROWS, from: '1 hour', to: '1 day' });
    await plantGrants(connection, { state: 'ACTIVE', count: DUE, from: '-2 days', to: '-1 day' });
    await plantGrants(connection, { state: 'SCHEDULED', count: DUE, from: '-1 hour', to: '1 day' });
    await plantGrants(connection, { state: 'ACTIVE', count: DUE, from: '-9 hours', to: '1 day' });
    await sql`ANALYZE grants, request_items`.execute(connection);
  });
});

async function plantItems(connection: Database, count: number, from: string): Promise<void> {
  await sql`
    INSERT INTO request_items (request_id, item, resource, actions, workflow, state, expires_at, denied_because)
    SELECT gen_random_uuid(), 0, 'Database::"orders"', '{read}', '{}', 'PENDING',
      now() + ${from}::interval + (n / 2) * interval '1 second', ''
    FROM generate_series(1, ${count}::int) AS n`.execute(connection);
}

interface Planted {
  readonly state: 'ACTIVE' | 'SCHEDULED';
  readonly count: number;
  readonly from: string;
  readonly to: string;
}

/** All of them end after lying unused for eight hours. */
async function plantGrants(connection: Database, { state, count, from, to }: Planted): Promise<void> {
  await sql`
    INSERT INTO grants (id, request_id, item, requester, subject, resource, actions, workflow, steps, reason, ticket, state,
      created_at, starts_at, expires_at, duration_ms, max_ms, idle_ms)
    SELECT gen_random_uuid(), gen_random_uuid(), 0, 'User::"ada"', 'User::"ada"', 'Database::"orders"', '{read}', 'w', '{}', 'r', '',
      ${state}::grant_state, now() - interval '3 days', now() + ${from}::interval + shift, now() + ${to}::interval + shift,
      ${86_400_000}::bigint, ${864_000_000}::bigint, ${28_800_000}::bigint
    FROM generate_series(1, ${count}::int) AS n, LATERAL (SELECT (n / 2) * interval '1 millisecond' AS shift) AS shifted`.execute(
    connection,
  );
}

async function readAll(database: Database, kind: DueKind): Promise<readonly Due[]> {
  const all: Due[] = [];
  for (let after: Due | undefined; ; ) {
    const page = await readDue(database, kind, { after, size: PAGE });
    all.push(...page);
    after = page.at(-1);
    if (page.length < PAGE) return all;
  }
}

/** Of grants, those that are over have also lain unused for too long. */
const FOUND: Readonly<Record<DueKind, number>> = { items: DUE, ends: DUE, idle: 2 * DUE, starts: DUE };

test.for(DUE_KINDS)('what is due of %s is found once each, longest due first', async (kind) => {
  const due = await readAll(shared().open('grant'), kind);
  expect(new Set(due.map(({ id }) => id)).size).toBe(FOUND[kind]);
  expect(due).toHaveLength(FOUND[kind]);
  expect(due).toEqual(due.toSorted((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1)));
});

test.for(DUE_KINDS)('what is due of %s is found without reading what is not', async (kind) => {
  const read = await shared()
    .open('grant')
    .transaction()
    .execute(async (trx) => {
      await readDue(trx, kind, { after: undefined, size: 100 });
      const { rows } = await sql<{ read: number }>`
        SELECT sum(seq_tup_read + idx_tup_fetch)::int AS read FROM pg_stat_xact_user_tables
        WHERE relname IN ('grants', 'request_items')`.execute(trx);
      return rows[0]?.read;
    });
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThanOrEqual(FOUND[kind]);
});
