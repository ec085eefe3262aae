import { getRollbackPlans } from 'pg-boss';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { connect, type Database } from '../../../core/store/connect.ts';
import { requireJobSchema } from '../../../core/store/job-schema.ts';
import { migrate } from '../../../services/migrate/migrate.ts';
import {
  createDatabase,
  createEmptyDatabase,
  ROLE_PASSWORDS,
  type TestDatabase,
} from '../../support/postgres.ts';

let database: TestDatabase;
let owner: pg.Client;
beforeAll(async () => {
  database = await createDatabase();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await database.drop();
});

const run = (url = database.ownerUrl) => migrate({ ownerUrl: url, passwords: ROLE_PASSWORDS });

/** What the grant role comes to. */
async function asGrant<T>(work: (reader: Database) => Promise<T>): Promise<T> {
  const reader = connect({
    url: database.grantUrl,
    name: 'curfew-test',
    poolSize: 1,
    statementTimeoutMs: 10_000,
    onConnectionLost: () => undefined,
  });
  try {
    return await work(reader);
  } finally {
    await reader.destroy();
  }
}

/** Everything that the schema of the jobs consists of, and who may do what with it. */
async function shape(): Promise<unknown> {
  const { rows } = await owner.query(`
    SELECT relname, relkind, relacl::text,
      (SELECT array_agg(attname || ' ' || format_type(atttypid, atttypmod) ORDER BY attname)
       FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped) AS columns
    FROM pg_class WHERE relnamespace = 'pgboss'::regnamespace ORDER BY relname`);
  const queues = await owner.query(
    'SELECT name, policy, heartbeat_seconds, retry_limit FROM pgboss.queue ORDER BY name',
  );
  const version = await owner.query('SELECT version FROM pgboss.version');
  return [rows, queues.rows, version.rows];
}

test('migrating again changes nothing of the jobs', async () => {
  const before = await shape();
  expect(await run()).toMatchObject({ applied: [] });
  expect(await shape()).toEqual(before);
});

test('an installation from before there were jobs gets them', async () => {
  const wanted = await shape();
  await owner.query('DROP SCHEMA pgboss CASCADE');
  await expect(asGrant(requireJobSchema)).rejects.toThrow('the jobs have no schema');
  expect(await run()).toMatchObject({ applied: [] });
  expect(await shape()).toEqual(wanted);
});

test('one with an older version of them is upgraded', async () => {
  const { rows } = await owner.query<{ version: number }>('SELECT version FROM pgboss.version');
  const version = rows[0]?.version ?? 0;
  await expect(asGrant(requireJobSchema)).resolves.toBeUndefined();
  await owner.query(getRollbackPlans('pgboss', version));
  await expect(asGrant(requireJobSchema)).rejects.toThrow(`a schema of version ${version - 1}`);
  expect((await owner.query('SELECT version FROM pgboss.version')).rows).toEqual([{ version: version - 1 }]);
  await run();
  expect((await owner.query('SELECT version FROM pgboss.version')).rows).toEqual([{ version }]);
});

test('one with a newer version is left as it is', async () => {
  await owner.query('UPDATE pgboss.version SET version = version + 1');
  onTestFinished(async () => void (await owner.query('UPDATE pgboss.version SET version = version - 1')));
  const before = await shape();
  await run();
  expect(await shape()).toEqual(before);
});

test('several that migrate at once make them once', { timeout: 120_000 }, async () => {
  await using empty = await createEmptyDatabase();
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => run(empty.ownerUrl)));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
});
