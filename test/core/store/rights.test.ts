import { type RawBuilder, sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import { ROLES } from '../../../core/store/migrate.ts';
import { sharedDatabase } from './database.ts';

const VERBS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'] as const;

/** What each role may do to each table, by the first letters of the verbs. Nothing else. */
const RIGHTS = {
  grant: {
    access_requests: 'S I',
    entities: 'S I',
    grant_uses: 'S I',
    grants: 'S I',
    idempotency_keys: 'S I',
    ledger: 'S I',
    ledger_head: 'S',
    ledger_text: 'S I',
    locks: 'S I',
    // An index and no record, and so the only table that a service deletes from.
    open_steps: 'S I D',
    owed_reviews: 'S I',
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
    locks: 'S',
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
  grants: 'end_reason ended_at expires_at extensions last_used_at starts_at state uses_left',
  ledger_head: 'basis_revision hash revision',
  locks: 'lift_reason lifted_at lifted_by',
  owed_reviews: 'comment reviewer settled_at verdict',
  request_items: 'denied_because resolved_at state',
  reviews: 'withdrawn_at',
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

test.for(ROLES)(
  'P2 I12 the %s role is refused every verb on every table that is not its own',
  async (role) => {
    const { open } = shared();
    const database = open(role, { poolSize: 1 });
    const { rows: columns } = await sql<{ table: string; column: string }>`
    SELECT relname AS table, attname AS column FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND attidentity = ''`.execute(
      open('owner'),
    );
    const rights: Readonly<Record<string, string>> = RIGHTS[role];
    const changeable: Readonly<Record<string, string>> = role === 'grant' ? CHANGEABLE : {};
    const wrong: string[] = [];
    const check = async (what: string, isOwn: boolean, attempt: RawBuilder<unknown>): Promise<void> => {
      if ((await isPermitted(database, attempt)) !== isOwn)
        wrong.push(`${what}: ${isOwn ? 'refused' : 'done'}`);
    };
    for (const name of new Set(columns.map(({ table }) => table))) {
      const [table, own] = [sql.table(name), rights[name] ?? ''];
      await check(`SELECT ${name}`, own.includes('S'), sql`SELECT count(*) FROM ${table}`);
      await check(`INSERT ${name}`, own.includes('I'), sql`INSERT INTO ${table} DEFAULT VALUES`);
      await check(`DELETE ${name}`, own.includes('D'), sql`DELETE FROM ${table} WHERE false`);
      await check(`TRUNCATE ${name}`, false, sql`TRUNCATE ${table}`);
      // PostgreSQL lets whoever may delete lock the table as well.
      await check(`LOCK ${name}`, own.includes('D'), sql`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    }
    for (const { table, column } of columns) {
      const isOwn = (changeable[table] ?? '').split(' ').includes(column);
      const attempt = sql`UPDATE ${sql.table(table)} SET ${sql.ref(column)} = NULL WHERE false`;
      await check(`UPDATE ${table}.${column}`, isOwn, attempt);
    }
    expect(wrong).toEqual([]);
  },
);

/** What each role may do to each table of the jobs. Nothing else, and of the jobs there is nothing else that is its own. */
const JOB_RIGHTS = {
  grant: {
    instance: 'S U D',
    job: 'S I U D',
    job_common: 'S I U D',
    job_dependency: 'S D',
    queue: 'S I U',
    schedule: 'S I U',
    version: 'S U',
  },
  decision: {},
  notify: {},
} as const;

test.for(ROLES)('P2 the %s role has these rights in the schema of the jobs and no others', async (role) => {
  const { open } = shared();
  const owner = open('owner');
  const grantee = `curfew_${role}`;
  const { rows } = await sql<{ name: string; verbs: string }>`
    SELECT relname AS name, string_agg(left(verb, 1), ' ' ORDER BY array_position(${[...VERBS]}::text[], verb)) AS verbs
    FROM pg_class, unnest(${[...VERBS]}::text[]) AS verb
    WHERE relnamespace = 'pgboss'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
      AND (has_table_privilege(${grantee}, pg_class.oid, verb)
        OR verb IN ('INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(${grantee}, pg_class.oid, verb))
    GROUP BY relname`.execute(owner);
  expect(Object.fromEntries(rows.map(({ name, verbs }) => [name, verbs]))).toEqual(JOB_RIGHTS[role]);
  const { rows: schema } = await sql`
    SELECT has_schema_privilege(${grantee}, 'pgboss', 'USAGE') AS uses, has_schema_privilege(${grantee}, 'pgboss', 'CREATE') AS creates`.execute(
    owner,
  );
  expect(schema).toEqual([{ uses: role === 'grant', creates: false }]);
});

test('P2 nothing in the schema of the jobs runs with the rights of its owner', async () => {
  const { rows } = await sql`
    SELECT proname FROM pg_proc WHERE pronamespace = 'pgboss'::regnamespace AND prosecdef
    UNION ALL SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
      WHERE relnamespace = 'pgboss'::regnamespace AND NOT tgisinternal
    UNION ALL SELECT viewname FROM pg_views WHERE schemaname = 'pgboss'`.execute(shared().open('owner'));
  expect(rows).toEqual([]);
});

/** What would lead to more rights, or to what lies beside the tables. */
const WAYS_OUT = [
  'CREATE TABLE mine (id integer)',
  'CREATE TEMPORARY VIEW mine AS SELECT 1; CREATE VIEW public.mine AS SELECT 1',
  'CREATE SCHEMA mine',
  'CREATE TABLE pgboss.mine (id integer)',
  'ALTER TABLE pgboss.job DISABLE TRIGGER ALL',
  `SELECT pgboss.create_queue('mine', '{"policy": "standard", "partition": true}')`,
  'CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
  'CREATE EXTENSION dblink',
  'CREATE TRIGGER mine BEFORE INSERT ON ledger EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()',
  'CREATE INDEX mine ON ledger (actor)',
  'ALTER TABLE ledger ADD COLUMN mine integer',
  'ALTER TABLE ledger DISABLE TRIGGER ALL',
  'ALTER TABLE ledger OWNER TO CURRENT_USER',
  'DROP TABLE ledger_text',
  'ALTER ROLE CURRENT_USER SUPERUSER',
  'CREATE ROLE mine',
  'SET session_replication_role = replica',
  `COPY ledger TO PROGRAM 'cat'`,
  `COPY schema_state TO '/tmp/mine'`,
  `SELECT pg_read_file('PG_VERSION')`,
  'SELECT pg_reload_conf()',
  'SELECT rolpassword FROM pg_authid',
];

test.for(ROLES)('P2 the %s role finds no way to more rights', async (role) => {
  const { open } = shared();
  const database = open(role, { poolSize: 1 });
  const others = ROLES.filter((other) => other !== role).map((other) => `curfew_${other}`);
  const { rows } = await sql<{ owner: string }>`
    SELECT tableowner AS owner FROM pg_tables WHERE tablename = 'ledger'`.execute(open('owner'));
  const ways = [
    ...WAYS_OUT,
    ...[...others, rows[0]?.owner ?? '', 'pg_write_all_data', 'pg_execute_server_program'].flatMap(
      (other) => [
        `SET ROLE ${other}`,
        `SET SESSION AUTHORIZATION ${other}`,
        `GRANT ${other} TO CURRENT_USER`,
      ],
    ),
  ];
  const found: string[] = [];
  for (const way of ways) if (await isPermitted(database, sql.raw(way))) found.push(way);
  expect(found).toEqual([]);
});

test('P2 nothing in the schema runs with the rights of its owner', async () => {
  const { rows } = await sql`
    SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT rulename FROM pg_rules WHERE schemaname = 'public'
    UNION ALL SELECT viewname FROM pg_views WHERE schemaname = 'public'`.execute(shared().open('owner'));
  expect(rows).toEqual([]);
});

/** Whether the role may do it; it is taken back. What fails for another reason than rights was permitted. */
async function isPermitted(database: Database, attempt: RawBuilder<unknown>): Promise<boolean> {
  const takenBack = new Error('taken back');
  const outcome = await database
    .transaction()
    .execute(async (trx) => {
      await attempt.execute(trx);
      throw takenBack;
    })
    .catch((error: unknown) => error);
  return !(outcome instanceof Error && 'code' in outcome && outcome.code === '42501');
}
