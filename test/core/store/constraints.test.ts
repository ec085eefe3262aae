import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { constraintCases as cases } from './constraint-cases.ts';
import { migratedDatabase, sharedDatabase } from './database.ts';
import { grant, insert, item, later, request } from './valid-rows.ts';

const shared = sharedDatabase();

test.for(cases)('$title is refused by the database, even of its owner', async ({ constraint, breaks }) => {
  const attempt = await shared().open('owner', { poolSize: 1 }).startTransaction().execute();
  await insert('access_requests', request, {})(attempt);
  await insert('request_items', item, {})(attempt);
  const breaking = breaks(attempt);
  await expect(breaking).rejects.toMatchObject({ constraint });
  await attempt.rollback().execute();
});

test.for([
  {
    title: 'a second head',
    constraint: 'ledger_head_pkey',
    statement: sql`INSERT INTO ledger_head (revision, hash, basis_revision) SELECT 0, hash, 0 FROM ledger_head`,
  },
  {
    title: 'a head beside the one',
    constraint: 'ledger_head_single',
    statement: sql`INSERT INTO ledger_head (singleton, revision, hash, basis_revision) SELECT false, 0, hash, 0 FROM ledger_head`,
  },
  {
    title: 'a second schema state',
    constraint: 'schema_state_single',
    statement: sql`INSERT INTO schema_state (singleton, version, oldest_service) VALUES (false, 1, 1)`,
  },
  {
    title: 'a schema that only later services understand',
    constraint: 'schema_state_order',
    statement: sql`UPDATE schema_state SET oldest_service = version + 1`,
  },
])('$title is refused by the database, even of its owner', async ({ constraint, statement }) => {
  const { open } = shared();
  await expect(statement.execute(open('owner'))).rejects.toMatchObject({ constraint });
});

test('every constraint that the schema names is hit by a test', async () => {
  const { open } = shared();
  const { rows } = await sql<{ name: string }>`
    SELECT conname AS name FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f') AND conrelid::regclass::text NOT LIKE 'kysely%'`.execute(
    open('owner'),
  );
  const hit = new Set(cases.map((it) => it.constraint));
  for (const name of ['ledger_head_single', 'schema_state_single', 'schema_state_order']) hit.add(name);
  expect(rows.map((row) => row.name).filter((name) => !hit.has(name))).toEqual([]);
});

test('a grant that fits its window, its limit and its end is accepted', async () => {
  const { open } = await migratedDatabase();
  const database = open('grant');
  await insert('access_requests', request, {})(database);
  await insert('request_items', item, {})(database);
  await insert('grants', grant, {})(database);
  await database
    .updateTable('grants')
    .set({ state: 'ENDED', ended_at: later, end_reason: 'EXPIRED' })
    .execute();
  expect(await database.selectFrom('grants').select('state').execute()).toEqual([{ state: 'ENDED' }]);
});
