import { readdir, readFile } from 'node:fs/promises';
import { CompiledQuery, type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Database } from './connect.ts';

/** The schema that this code is built for. */
export const SCHEMA_VERSION = 1;

const MIGRATIONS = new URL('./migrations/', import.meta.url);

/** The database roles that services sign in as. */
export const ROLES = ['grant', 'decision', 'notify'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Brings the schema to `SCHEMA_VERSION`, in one transaction a file. Safe with several at once: one works, the others wait.
 * @returns the names of the migrations applied now
 */
export async function migrateSchema(owner: Database): Promise<readonly string[]> {
  const migrator = new Migrator({ db: owner, provider: { getMigrations: readMigrations } });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) throw new Error('the schema could not be migrated', { cause: error });
  return (results ?? []).map((result) => result.migrationName);
}

async function readMigrations(): Promise<Record<string, Migration>> {
  const files = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(
    files.map(async (name): Promise<[string, Migration]> => {
      const text = await readFile(new URL(name, MIGRATIONS), 'utf8');
      return [name.slice(0, -'.sql'.length), { up: (db) => run(db, text) }];
    }),
  );
  return Object.fromEntries(migrations);
}

async function run(db: Kysely<unknown>, text: string): Promise<void> {
  await db.executeQuery(CompiledQuery.raw(text));
}

/** Makes the services' roles, or gives them these passwords. Advisory lock: two at once would both find a role missing. */
export async function ensureRoles(owner: Database, passwords: Readonly<Record<Role, string>>): Promise<void> {
  await owner.transaction().execute(async (trx) => {
    await sql`SELECT pg_advisory_xact_lock(hashtext('curfew roles'))`.execute(trx);
    for (const role of ROLES) {
      const { rows } = await sql<{ statement: string }>`
        SELECT format(
          CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = ${`curfew_${role}`})
            THEN 'ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %L'
            ELSE 'CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD %L' END,
          ${`curfew_${role}`}::text, ${passwords[role]}::text) AS statement`.execute(trx);
      for (const row of rows) await trx.executeQuery(CompiledQuery.raw(row.statement));
    }
  });
}

/**
 * Refuses a schema that this code cannot run on.
 * @throws Error saying which version is there and which is wanted
 */
export async function requireSchema(database: Database): Promise<void> {
  const state = await database
    .selectFrom('schema_state')
    .select(['version', 'oldest_service'])
    .executeTakeFirst()
    .catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === '42P01') return undefined;
      throw error;
    });
  if (state === undefined) {
    throw new Error(
      `the database has no Curfew schema, version ${SCHEMA_VERSION} is wanted: run migrate first`,
    );
  }
  if (state.version < SCHEMA_VERSION) {
    throw new Error(
      `the schema is at version ${state.version}, at least ${SCHEMA_VERSION} is wanted: run migrate first`,
    );
  }
  if (state.oldest_service > SCHEMA_VERSION) {
    throw new Error(
      `the schema is at version ${state.version} and refuses services built for version ${SCHEMA_VERSION}: upgrade this service`,
    );
  }
}
