import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import type { Role } from '../../core/store/migrate.ts';
import { migrate } from '../../services/migrate/migrate.ts';
import { onServer, ROLE_PASSWORDS, TEMPLATE, urlOfDatabase } from './postgres-server.ts';

/** A database of its own for a test file: `await using database = await createDatabase()`, or `drop()` it in `afterAll`. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  readonly ownerUrl: string;
  readonly grantUrl: string;
  readonly decisionUrl: string;
  readonly notifyUrl: string;
  /** Ends its connections and removes it. */
  drop(): Promise<void>;
}

/** A migrated database. */
export function createDatabase(): Promise<TestDatabase> {
  return create(` TEMPLATE ${TEMPLATE}`);
}

/** A database without a schema; whoever migrates it passes `ROLE_PASSWORDS`, for roles belong to the whole server. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return create('');
}

export { ROLE_PASSWORDS };

/** A migrated database on a server that is the test file's own. */
export async function createDatabaseOn(server: string): Promise<TestDatabase> {
  const database = await create('', server);
  await migrate({ ownerUrl: database.ownerUrl, passwords: ROLE_PASSWORDS });
  return database;
}

async function create(how: string, server = inject('postgresUrl')): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await onServer(server, `CREATE DATABASE ${name}${how}`);
  const drop = (): Promise<void> => onServer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  const ownerUrl = urlOfDatabase(server, name);
  return {
    name,
    ownerUrl,
    grantUrl: urlOfRole(ownerUrl, 'grant'),
    decisionUrl: urlOfRole(ownerUrl, 'decision'),
    notifyUrl: urlOfRole(ownerUrl, 'notify'),
    drop,
    [Symbol.asyncDispose]: drop,
  };
}

function urlOfRole(ownerUrl: string, role: Role): string {
  const url = new URL(ownerUrl);
  url.username = `curfew_${role}`;
  url.password = ROLE_PASSWORDS[role];
  return url.href;
}
