import { readdir } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import {
  ensureRoles,
  migrateSchema,
  requireSchema,
  ROLES,
  SCHEMA_VERSION,
} from '../../../core/store/migrate.ts';
import { ROLE_PASSWORDS } from '../../support/postgres.ts';
import { emptyDatabase, migratedDatabase, type OpenDatabase } from './database.ts';

/** Every migration that there is. */
const ALL = (await readdir(new URL('../../../core/store/migrations/', import.meta.url)))
  .map((name) => name.replace('.sql', ''))
  .sort();

test('an empty database gets the schema', async () => {
  const { open } = await emptyDatabase();
  const owner = open('owner');
  await ensureRoles(owner, ROLE_PASSWORDS);
  expect(await migrateSchema(owner)).toEqual(ALL);
  await requireSchema(open('grant'));
});

test('a second run changes nothing', async () => {
  const { open } = await migratedDatabase();
  const owner = open('owner');
  await ensureRoles(owner, ROLE_PASSWORDS);
  expect(await migrateSchema(owner)).toEqual([]);
});

test('of three runs at once one migrates and the others wait for it', async () => {
  const { open } = await emptyDatabase();
  const runs = [1, 2, 3].map(async () => {
    const owner = open('owner', { poolSize: 1 });
    await ensureRoles(owner, ROLE_PASSWORDS);
    return migrateSchema(owner);
  });
  const applied = await Promise.all(runs);
  expect(applied.flat()).toEqual(ALL);
  await requireSchema(open('decision'));
});

test('the roles, which a whole server shares, can be ensured from several of its databases at once', async () => {
  const databases = await Promise.all([1, 2, 3, 4].map(emptyDatabase));
  const runs = databases.flatMap(({ open }) => {
    const owner = open('owner');
    return [1, 2, 3].map(() => ensureRoles(owner, ROLE_PASSWORDS));
  });
  await expect(Promise.all(runs)).resolves.toHaveLength(12);
});

test('an older migration run leaves a newer schema alone', async () => {
  const database = await migratedDatabase();
  await upgrade(database, { version: SCHEMA_VERSION + 1, oldestService: SCHEMA_VERSION });
  expect(await migrateSchema(database.open('owner'))).toEqual([]);
  await requireSchema(database.open('grant'));
});

test('P10 the services have no right beyond signing in', async () => {
  const { open } = await migratedDatabase();
  const { rows } = await sql`
    SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
      (SELECT count(*)::int FROM pg_auth_members WHERE member = pg_roles.oid) AS memberships
    FROM pg_roles WHERE rolname LIKE 'curfew\\_%' AND rolname <> 'curfew_admin' ORDER BY rolname`.execute(
    open('owner'),
  );
  expect(rows).toEqual(
    ROLES.toSorted().map((role) => ({
      rolname: `curfew_${role}`,
      rolcanlogin: true,
      rolsuper: false,
      rolcreatedb: false,
      rolcreaterole: false,
      rolreplication: false,
      rolbypassrls: false,
      memberships: 0,
    })),
  );
});

test('P10 a role that was given more rights loses them', async () => {
  const owner = (await emptyDatabase()).open('owner');
  await ensureRoles(owner, ROLE_PASSWORDS);
  await sql`ALTER ROLE curfew_notify CREATEROLE CREATEDB`.execute(owner);
  await ensureRoles(owner, ROLE_PASSWORDS);
  const { rows } =
    await sql`SELECT rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'curfew_notify'`.execute(owner);
  expect(rows).toEqual([{ rolcreaterole: false, rolcreatedb: false }]);
});

test('P10 an owner that is no superuser can run it again', async () => {
  const database = await migratedDatabase();
  const superuser = database.open('owner');
  const name = `plain_${randomBytes(6).toString('hex')}`;
  await sql`CREATE ROLE ${sql.ref(name)} LOGIN CREATEROLE PASSWORD 'plain'`.execute(superuser);
  onTestFinished(async () => {
    await sql`DROP ROLE ${sql.ref(name)}`.execute(superuser);
  });
  for (const role of ROLES)
    await sql`GRANT ${sql.ref(`curfew_${role}`)} TO ${sql.ref(name)} WITH ADMIN OPTION`.execute(superuser);
  const url = new URL(database.urlOf('owner'));
  url.username = name;
  url.password = 'plain';
  const again = ensureRoles(database.open('owner', { url: url.href }), ROLE_PASSWORDS);
  await expect(again).resolves.toBeUndefined();
});

test('P10 no service can create or drop a table', async () => {
  const { open } = await migratedDatabase();
  for (const role of ROLES) {
    const database = open(role);
    await expect(sql`CREATE TABLE mine (id integer)`.execute(database)).rejects.toMatchObject({
      code: '42501',
    });
    await expect(sql`DROP TABLE ledger_text`.execute(database)).rejects.toMatchObject({ code: '42501' });
  }
});

test('a service refuses a database without a schema', async () => {
  const { open } = await emptyDatabase();
  const owner = open('owner');
  await ensureRoles(owner, ROLE_PASSWORDS);
  await expect(requireSchema(open('grant'))).rejects.toThrow(
    `the database has no Curfew schema, version ${SCHEMA_VERSION} is wanted: run migrate first`,
  );
});

test('a service refuses a schema that is too old', async () => {
  const database = await migratedDatabase();
  await upgrade(database, { version: 0, oldestService: 0 });
  await expect(requireSchema(database.open('grant'))).rejects.toThrow(
    `the schema is at version 0, at least ${SCHEMA_VERSION} is wanted: run migrate first`,
  );
});

test('a service refuses a schema that is marked as incompatible with it', async () => {
  const database = await migratedDatabase();
  await upgrade(database, { version: SCHEMA_VERSION + 1, oldestService: SCHEMA_VERSION + 1 });
  await expect(requireSchema(database.open('grant'))).rejects.toThrow(
    `the schema is at version ${SCHEMA_VERSION + 1} and refuses services built for version ${SCHEMA_VERSION}: upgrade this service`,
  );
});

test('a database that does not answer is not taken for one without a schema', async () => {
  const { open } = await emptyDatabase();
  const nobody = open('grant', { url: 'postgres://curfew_grant@127.0.0.1:1/none' });
  await expect(requireSchema(nobody)).rejects.toMatchObject({ reason: 'DATABASE_UNAVAILABLE' });
});

/** What a later migration would leave behind. */
async function upgrade(
  { open }: OpenDatabase,
  state: { readonly version: number; readonly oldestService: number },
): Promise<void> {
  const owner: Database = open('owner');
  await owner
    .updateTable('schema_state')
    .set({ version: state.version, oldest_service: state.oldestService })
    .execute();
  await sql`INSERT INTO kysely_migration VALUES ('0002_later', '2030-01-01T00:00:00.000Z')`.execute(owner);
}
