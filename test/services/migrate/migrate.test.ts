import pg from 'pg';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { connect, type Database } from '../../../core/store/connect.ts';
import { requireLeastRights } from '../../../core/store/least-rights.ts';
import { requireSchema, type Role, ROLES } from '../../../core/store/migrate.ts';
import { migrate } from '../../../services/migrate/migrate.ts';
import { type OwnPostgres, startOwnPostgres } from '../../support/own-postgres.ts';
import { onServer, ROLE_PASSWORDS, urlOfDatabase } from '../../support/postgres-server.ts';

const LIMIT = 3;
const terms = { passwords: ROLE_PASSWORDS, connections: { decision: LIMIT } };

let server: OwnPostgres;
let migratorUrl: string;

/** A server on which nobody but its administrator is a superuser, and the database is the migrator's. */
beforeAll(async () => {
  server = await startOwnPostgres();
  await onServer(server.url, `CREATE ROLE migrator LOGIN CREATEROLE PASSWORD 'migrator'`);
  await onServer(server.url, 'CREATE DATABASE curfew OWNER migrator');
  migratorUrl = signedInAs('migrator', 'migrator');
  await migrate({ ownerUrl: migratorUrl, ...terms });
});
afterAll(() => server[Symbol.asyncDispose]());

function signedInAs(name: string, password: string): string {
  const url = new URL(urlOfDatabase(server.url, 'curfew'));
  url.username = name;
  url.password = password;
  return url.href;
}

function open(url: string): Database {
  const database = connect({
    url,
    name: 'migrate-test',
    poolSize: 2,
    statementTimeoutMs: 10_000,
    onConnectionLost: () => undefined,
  });
  onTestFinished(() => database.destroy());
  return database;
}

const asRole = (role: Role): Database => open(signedInAs(`curfew_${role}`, ROLE_PASSWORDS[role]));

test('P10 an owner who may create roles and nothing more migrates, and again', async () => {
  const { rows } = await sql`
    SELECT rolsuper, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user`.execute(
    open(migratorUrl),
  );
  expect(rows).toEqual([{ rolsuper: false, rolcreatedb: false, rolreplication: false, rolbypassrls: false }]);
  expect(await migrate({ ownerUrl: migratorUrl, ...terms })).toMatchObject({ applied: [] });
});

test.for(ROLES)('P10 the %s role that it made signs in, owns nothing and may make nothing', async (role) => {
  const database = asRole(role);
  await requireSchema(database);
  await expect(requireLeastRights(database)).resolves.toBeUndefined();
  const { rows } = await sql`
    SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
      (SELECT count(*)::int FROM pg_class WHERE relowner = pg_roles.oid) AS owned,
      (SELECT count(*)::int FROM pg_auth_members WHERE member = pg_roles.oid) AS memberships,
      has_database_privilege(current_database(), 'CREATE') AS may_create_schemas
    FROM pg_roles WHERE rolname = current_user`.execute(database);
  expect(rows).toEqual([
    {
      rolsuper: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolreplication: false,
      rolbypassrls: false,
      owned: 0,
      memberships: 0,
      may_create_schemas: false,
    },
  ]);
});

test('P10 a service refuses to run as the superuser or as the owner', async () => {
  const superuser = open(urlOfDatabase(server.url, 'curfew'));
  await expect(requireLeastRights(superuser)).rejects.toThrow('the database role "curfew" is a superuser');
  await expect(requireLeastRights(open(migratorUrl))).rejects.toThrow('sign in as the service');
});

test.for([
  ['DELETE ON ledger', 'may change or delete what is in the ledger'],
  ['TRUNCATE ON ledger', 'may change or delete what is in the ledger'],
  ['UPDATE (body) ON ledger', 'may change or delete what is in the ledger'],
  ['CREATE ON SCHEMA public', 'may create tables'],
] as const)('P10 a service refuses to run when somebody gave its role %s', async ([right, excess]) => {
  const owner = open(migratorUrl);
  const change = (verb: string, preposition: string) =>
    sql.raw(`${verb} ${right} ${preposition} curfew_grant`).execute(owner);
  await change('GRANT', 'TO');
  onTestFinished(() => change('REVOKE', 'FROM').then(() => undefined));
  await expect(requireLeastRights(asRole('grant'))).rejects.toThrow(excess);
});

test('P8 a role gets as many sessions as it was given, and the others theirs all the same', async () => {
  const url = signedInAs('curfew_decision', ROLE_PASSWORDS.decision);
  const clients = Array.from({ length: LIMIT + 1 }, () => new pg.Client({ connectionString: url }));
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.end()));
  });
  const outcomes = await Promise.allSettled(clients.map((client) => client.connect()));
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  expect(refused).toMatchObject([{ code: '53300' }]);
  await expect(requireSchema(asRole('grant'))).resolves.toBeUndefined();
});
