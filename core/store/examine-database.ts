import { sql } from 'kysely';
import { connect, type Database } from './connect.ts';
import { findSchemaProblem } from './migrate.ts';

/** What a database says of itself and of the role that signed in. */
export interface DatabaseFacts {
  /** PostgreSQL's own version: `18.4`. */
  readonly version: string;
  readonly role: string;
  /** The version of TLS on this connection; undefined without TLS. */
  readonly tls: string | undefined;
  /** Whether it only follows another server. */
  readonly isStandby: boolean;
  /** What is wrong with the schema for this code; undefined when it is good. */
  readonly schemaProblem: string | undefined;
  /** What the role may do that no service's role should: `is a superuser`, `may change the ledger`. */
  readonly excessRights: readonly string[];
  readonly clock: ClockReading;
}

/** The database's clock, read between two looks at another. */
export interface ClockReading {
  readonly before: Date;
  readonly at: Date;
  readonly after: Date;
}

/**
 * Signs in as the services do, and looks around; changes nothing.
 *
 * @param now the clock to compare the database's with
 * @throws Error of the driver, with its `code`: a SQLSTATE, or the network's or TLS's
 */
export async function examineDatabase(url: string, now: () => Date): Promise<DatabaseFacts> {
  const database = connect({
    url,
    name: 'curfew-doctor',
    poolSize: 1,
    statementTimeoutMs: 5_000,
    onConnectionLost: () => undefined, // the query that it breaks says so
  });
  try {
    const server = await readServer(database);
    return {
      ...server,
      excessRights: await readExcessRights(database),
      clock: await readClocks(database, now),
      schemaProblem: await findSchemaProblem(database),
    };
  } finally {
    await database.destroy();
  }
}

async function readServer(database: Database) {
  const { rows } = await sql<{ version: string; role: string; tls: string | null; isStandby: boolean }>`
    SELECT current_setting('server_version') AS version, current_user::text AS role, pg_is_in_recovery() AS "isStandby",
      (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl) AS tls`.execute(database);
  const [row] = rows;
  if (row === undefined) throw new Error('the database says nothing of itself');
  return { ...row, tls: row.tls ?? undefined };
}

async function readExcessRights(database: Database): Promise<readonly string[]> {
  const { rows } = await sql<{ right: string }>`
    SELECT name AS "right"
    FROM pg_roles, to_regclass('ledger') AS ledger, LATERAL (VALUES
      (rolsuper, 'is a superuser'),
      (rolcreaterole, 'may create roles'),
      (rolcreatedb, 'may create databases'),
      (rolreplication, 'may replicate'),
      (rolbypassrls, 'may bypass row security'),
      (EXISTS (SELECT FROM pg_class WHERE pg_class.oid = ledger AND pg_has_role(relowner, 'MEMBER')), 'owns the tables'),
      (has_table_privilege(ledger, 'UPDATE, DELETE, TRUNCATE'), 'may change the ledger')
    ) AS rights (held, name)
    WHERE rolname = current_user AND held`.execute(database);
  return rows.map((row) => row.right);
}

async function readClocks(database: Database, now: () => Date): Promise<ClockReading> {
  const before = now();
  const { rows } = await sql<{ at: Date }>`SELECT clock_timestamp() AS at`.execute(database);
  const after = now();
  return { before, at: rows[0]?.at ?? after, after };
}
