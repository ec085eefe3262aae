import { sql } from 'kysely';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';

interface Rights {
  readonly name: string;
  readonly is_powerful: boolean;
  readonly may_create: boolean;
  readonly may_change_ledger: boolean;
}

/**
 * Refuses to run with rights that would let whoever takes the service over change what has happened.
 * @throws Error naming the role and what it may
 * @throws AccessError DATABASE_UNAVAILABLE
 */
export async function requireLeastRights(database: Database): Promise<void> {
  const { rows } = await guarded(() =>
    sql<Rights>`
      SELECT rolname AS name, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS is_powerful,
        has_schema_privilege('public', 'CREATE') AS may_create,
        has_table_privilege('ledger', 'DELETE, TRUNCATE') OR has_any_column_privilege('ledger', 'UPDATE') AS may_change_ledger
      FROM pg_roles WHERE rolname = current_user`.execute(database),
  );
  for (const { name, ...rights } of rows) {
    const excess = excessOf(rights);
    if (excess === undefined) continue;
    throw new Error(
      `the database role ${JSON.stringify(name)} ${excess}: sign in as the service's own role, which migrate makes`,
    );
  }
}

function excessOf(rights: Omit<Rights, 'name'>): string | undefined {
  if (rights.is_powerful)
    return 'is a superuser, or may create roles or databases, replicate or pass row security';
  if (rights.may_change_ledger) return 'may change or delete what is in the ledger';
  return rights.may_create
    ? 'may create tables in the schema "public" (REVOKE CREATE ON SCHEMA public FROM PUBLIC takes that away)'
    : undefined;
}
