import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { type ConnectOptions, connect, type Database } from '../../../core/store/connect.ts';
import type { Role } from '../../../core/store/migrate.ts';
import { createDatabase, createEmptyDatabase, type TestDatabase } from '../../support/postgres.ts';

/** A test's own database, and pools to it that end with it. */
export interface OpenDatabase {
  readonly urlOf: (role: Role | 'owner') => string;
  readonly open: (role: Role | 'owner', options?: Partial<ConnectOptions>) => Database;
}

/** A database without a schema, for this test. */
export async function emptyDatabase(): Promise<OpenDatabase> {
  const { close, ...database } = pools(await createEmptyDatabase());
  onTestFinished(close);
  return database;
}

/** A database with the schema, for this test. */
export async function migratedDatabase(): Promise<OpenDatabase> {
  const { close, ...database } = pools(await createDatabase());
  onTestFinished(close);
  return database;
}

/** One database with the schema for all tests of the file that calls it. */
export function sharedDatabase(): () => OpenDatabase {
  let database: ReturnType<typeof pools> | undefined;
  beforeAll(async () => {
    database = pools(await createDatabase());
  });
  afterAll(() => database?.close());
  return () => {
    if (database === undefined) throw new Error('only tests may use the database');
    return database;
  };
}

function pools(database: TestDatabase): OpenDatabase & { readonly close: () => Promise<void> } {
  const opened: Database[] = [];
  const urlOf = (role: Role | 'owner'): string => database[`${role}Url`];
  const open = (role: Role | 'owner', options: Partial<ConnectOptions> = {}): Database => {
    const pool = connect({
      url: urlOf(role),
      name: 'curfew-test',
      poolSize: 4,
      statementTimeoutMs: 30_000,
      onConnectionLost: () => undefined,
      ...options,
    });
    opened.push(pool);
    return pool;
  };
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((pool) => pool.destroy()));
    await database.drop();
  };
  return { urlOf, open, close };
}
