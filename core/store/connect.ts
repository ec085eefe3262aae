import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { types } from 'pg';
import type { DB } from './schema.ts';

export type Database = Kysely<DB>;

export interface ConnectOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** Most connections held. */
  readonly poolSize: number;
  /** Longest a statement may run, on the client and on the server. */
  readonly statementTimeoutMs: number;
  /** Told when an idle connection is lost; the pool replaces it. */
  readonly onConnectionLost: (error: Error) => void;
}

const INT8_OID = 20;

/** Opens a pool. int8 is read as bigint, because revisions and milliseconds must not pass through a double. */
export function connect(options: ConnectOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    application_name: options.name,
    max: options.poolSize,
    connectionTimeoutMillis: 2_000,
    idleTimeoutMillis: 30_000,
    query_timeout: options.statementTimeoutMs + 500,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 5_000,
    keepAlive: true,
    // Short statements only: compiling them costs more than it saves.
    options: '-c jit=off',
    types: { getTypeParser: parserOf },
  });
  pool.on('error', options.onConnectionLost);
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
}

const parserOf: pg.CustomTypesConfig['getTypeParser'] = (oid, format) =>
  oid === INT8_OID && format !== 'binary' ? BigInt : types.getTypeParser(oid, format);
