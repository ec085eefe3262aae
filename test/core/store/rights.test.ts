import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { ROLES } from '../../../core/store/migrate.ts';
import { sharedDatabase } from './database.ts';

const VERBS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'] as const;

/** What each role may do to each table, by the first letters of the verbs. Nothing else. */
const RIGHTS = {
  grant: {
    access_requests: 'S I',
    entities: 'S I',
    grants: 'S I',
    idempotency_keys: 'S I',
    ledger: 'S I',
    ledger_head: 'S',
    ledger_text: 'S I',
    policy_sets: 'S I',
    request_items: 'S I',
    reviews: 'S I',
    schema_state: 'S',
  },
  decision: {
    entities: 'S',
    grants: 'S',
    ledger: 'S',
    ledger_head: 'S',
    ledger_text: 'S',
    policy_sets: 'S',
    schema_state: 'S',
  },
  notify: {
    ledger: 'S',
    ledger_head: 'S',
    ledger_text: 'S',
    schema_state: 'S',
  },
} as const;

const shared = sharedDatabase();

test.for(ROLES)('P2 the %s role has these rights and no others', async (role) => {
  const { open } = shared();
  const { rows } = await sql<{ name: string; verb: (typeof VERBS)[number] }>`
    SELECT relname AS name, verb
    FROM pg_class, unnest(${[...VERBS]}::text[]) AS verb
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
      AND has_table_privilege(${`curfew_${role}`}, pg_class.oid, verb)
    ORDER BY relname, array_position(${[...VERBS]}::text[], verb)`.execute(open('owner'));
  const seen: Record<string, string> = {};
  for (const { name, verb } of rows) seen[name] = `${seen[name] ?? ''} ${verb.slice(0, 1)}`.trim();
  expect(seen).toEqual(RIGHTS[role]);
});

/** The only columns that a service may change: what was asked, shown and granted stays as it was. */
const CHANGEABLE = {
  access_requests: 'resolved_at state',
  entities: 'body deleted_at',
  grants: 'end_reason ended_at state',
  ledger_head: 'basis_revision hash revision',
  request_items: 'denied_because resolved_at state',
};

test('P2 the grant role may update these columns, and nobody any other', async () => {
  const { open } = shared();
  const { rows } = await sql<{ table: string; columns: string; rights: string[] }>`
    SELECT relname AS table, string_agg(attname, ' ' ORDER BY attname) AS columns,
      array_agg(DISTINCT entry.grantee::regrole::text || ' ' || entry.privilege_type) AS rights
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl) AS entry
    WHERE relnamespace = 'public'::regnamespace
    GROUP BY relname`.execute(open('owner'));
  expect(Object.fromEntries(rows.map(({ table, columns }) => [table, columns]))).toEqual(CHANGEABLE);
  expect(new Set(rows.flatMap(({ rights }) => rights))).toEqual(new Set(['curfew_grant UPDATE']));
});

test('P2 everybody else has no right at all', async () => {
  const { open } = shared();
  const { rows } = await sql`
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')
      AND EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee = 0)`.execute(open('owner'));
  expect(rows).toEqual([]);
});

test.for(ROLES.flatMap((role) => ['ledger', 'ledger_text'].map((table) => ({ role, table }))))(
  'L1 $role cannot change, delete or empty $table',
  async ({ role, table }) => {
    const { open } = shared();
    const database = open(role);
    const name = sql.table(table);
    const attempts = [
      sql`UPDATE ${name} SET revision = revision`,
      sql`DELETE FROM ${name}`,
      sql`TRUNCATE ${name}`,
      sql`ALTER TABLE ${name} DISABLE TRIGGER ALL`,
      sql`SELECT * FROM ${name} FOR UPDATE`,
    ];
    for (const attempt of attempts)
      await expect(attempt.execute(database)).rejects.toMatchObject({ code: '42501' });
  },
);

test.for(['decision', 'notify'] as const)('I12 the %s role can write no table at all', async (role) => {
  const { open } = shared();
  const database = open(role);
  for (const table of Object.keys(RIGHTS.grant)) {
    const attempt = sql`DELETE FROM ${sql.table(table)}`.execute(database);
    await expect(attempt).rejects.toMatchObject({ code: '42501' });
    const insertion = sql`INSERT INTO ${sql.table(table)} DEFAULT VALUES`.execute(database);
    await expect(insertion).rejects.toMatchObject({ code: '42501' });
  }
});
