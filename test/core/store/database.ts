import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import pg from 'pg';
import { type ConnectOptions, connect, type Database } from '../../../core/store/connect.ts';
import { ensureRoles, migrateSchema, type Role } from '../../../core/store/migrate.ts';

const SERVER = 'postgres://owner@127.0.0.1:55999';

export interface TestDatabase {
  readonly ownerUrl: string;
  readonly urlOf: (role: Role) => string;
  /** A pool for the test, closed with it. */
  readonly open: (role: Role | 'owner', options?: Partial<ConnectOptions>) => Database;
}

export const passwords: Readonly<Record<Role, string>> = { grant: 'g', decision: 'd', notify: 'n' };

export async function emptyDatabase(): Promise<TestDatabase> {
  const name = `t_${randomBytes(6).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name}`);
  onTestFinished(() => onServer(`DROP DATABASE ${name} WITH (FORCE)`));
  const urlOf = (role: Role | 'owner'): string =>
    `postgres://${role === 'owner' ? 'owner' : `curfew_${role}`}@127.0.0.1:55999/${name}`;
  return {
    ownerUrl: urlOf('owner'),
    urlOf,
    open: (role, options = {}) => {
      const database = connect({
        url: urlOf(role),
        name: 'curfew-test',
        poolSize: 4,
        statementTimeoutMs: 30_000,
        onConnectionLost: () => undefined,
        ...options,
      });
      onTestFinished(() => database.destroy());
      return database;
    },
  };
}

export async function migratedDatabase(): Promise<TestDatabase> {
  const database = await emptyDatabase();
  const owner = database.open('owner');
  await ensureRoles(owner, passwords);
  await migrateSchema(owner);
  return database;
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${SERVER}/postgres` });
  await client.connect();
  await client.query(statement);
  await client.end();
}
