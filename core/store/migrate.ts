import { readdir, readFile } from 'node:fs/promises';
import { CompiledQuery, type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';

/** The schema that this code is built for. */
export const SCHEMA_VERSION = 6;

const MIGRATIONS = new URL('./migrations/', import.meta.url);

/** The database roles that services sign in as. */
export const ROLES = ['grant', 'decision', 'notify'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Brings the schema to `SCHEMA_VERSION`, all in one transaction; a newer schema is left as it is. Safe with several at once: one
 * works, the others wait.
 * @returns the names of the migrations applied now
 */
export async function migrateSchema(owner: Database): Promise<readonly string[]> {
  const state = await readSchemaState(owner);
  if (state !== undefined && state.version > SCHEMA_VERSION) return [];
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
      return [name.slice(0, -'.sql'.length), { up: (db) => runScript(db, text) }];
    }),
  );
  return Object.fromEntries(migrations);
}

/** Runs what somebody else wrote, statement after statement. */
export async function runScript<T>(db: Kysely<T>, text: string): Promise<void> {
  await db.executeQuery(CompiledQuery.raw(text));
}

/**
 * Makes the services' roles, or gives them these passwords and takes from them what services must not have.
 * @param connections how many sessions each may have at once, of all processes of the service; unlimited unless said
 */
export async function ensureRoles(
  owner: Database,
  passwords: Readonly<Record<Role, string>>,
  connections: Readonly<Partial<Record<Role, number>>> = {},
): Promise<void> {
  for (const role of ROLES) {
    const terms = { name: `curfew_${role}`, password: passwords[role], connections: connections[role] ?? -1 };
    await ensureRole(owner, terms);
  }
}

interface RoleTerms {
  readonly name: string;
  readonly password: string;
  /** -1 = unlimited. */
  readonly connections: number;
}

const MOST_TRIES = 20;

/** Roles belong to the whole server, no lock does: a run in another database may make or change the same one at this moment. */
async function ensureRole(owner: Database, terms: RoleTerms, tries = 1): Promise<void> {
  const { name, password, connections } = terms;
  try {
    const { rows } = await sql<{ statement: string }>`
      SELECT format(
        CASE
          WHEN present IS NULL THEN 'CREATE ROLE %I LOGIN CONNECTION LIMIT %s PASSWORD %L'
          -- Naming an attribute takes a superuser, even to say what is so already.
          WHEN powerful THEN
            'ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT %s PASSWORD %L'
          ELSE 'ALTER ROLE %I LOGIN CONNECTION LIMIT %s PASSWORD %L' END,
        ${name}::text, ${connections}::int, ${password}::text) AS statement
      FROM (VALUES (1)) AS one LEFT JOIN (
        SELECT true AS present, rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls AS powerful
        FROM pg_roles WHERE rolname = ${name}
      ) AS role ON true`.execute(owner);
    for (const row of rows) await owner.executeQuery(CompiledQuery.raw(row.statement));
  } catch (error) {
    if (tries >= MOST_TRIES || !isRoleConflict(error)) throw error;
    await ensureRole(owner, terms, tries + 1);
  }
}

/** "tuple concurrently updated" is an internal error to Postgres; the others are two creations at once. */
function isRoleConflict(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  return (
    error.code === '42710' ||
    error.code === '23505' ||
    (error.code === 'XX000' && error.message === 'tuple concurrently updated')
  );
}

/**
 * Refuses a schema that this code cannot run on.
 * @throws Error saying which version is there and which is wanted
 * @throws AccessError DATABASE_UNAVAILABLE
 */
export async function requireSchema(database: Database): Promise<void> {
  const problem = await findSchemaProblem(database);
  if (problem !== undefined) throw new Error(problem);
}

/** Why this code cannot run on the schema, and what to do; undefined when it can. @throws AccessError DATABASE_UNAVAILABLE */
export async function findSchemaProblem(database: Database): Promise<string | undefined> {
  const state = await readSchemaState(database);
  if (state === undefined) {
    return `the database has no Curfew schema, version ${SCHEMA_VERSION} is wanted: run migrate first`;
  }
  if (state.version < SCHEMA_VERSION) {
    return `the schema is at version ${state.version}, at least ${SCHEMA_VERSION} is wanted: run migrate first`;
  }
  if (state.oldest_service > SCHEMA_VERSION) {
    return `the schema is at version ${state.version} and refuses services built for version ${SCHEMA_VERSION}: upgrade this service`;
  }
  return undefined;
}

interface SchemaStateRow {
  readonly version: number;
  readonly oldest_service: number;
}

const UNDEFINED_TABLE = '42P01';

async function readSchemaState(database: Database): Promise<SchemaStateRow | undefined> {
  try {
    return await guarded(() =>
      database.selectFrom('schema_state').select(['version', 'oldest_service']).executeTakeFirst(),
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === UNDEFINED_TABLE) return undefined;
    throw error;
  }
}
