import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import pg from 'pg';
import { types } from 'pg';
import { clientConfigOf } from './client-config.ts';
import { PipelinedDriver } from './pipelined-driver.ts';
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
  /** Whether idle connections stay open; false unless said. */
  readonly isKept?: boolean;
  /** Told when a connection is lost; the pool replaces it. */
  readonly onConnectionLost: (error: Error) => void;
}

const INT8_OID = 20;

/** Opens a pool. int8 is read as bigint, because revisions and milliseconds must not pass through a double. */
export function connect(options: ConnectOptions): Database {
  const pool = new pg.Pool({
    ...clientConfigOf(options.url),
    application_name: options.name,
    max: options.poolSize,
    connectionTimeoutMillis: 2_000,
    idleTimeoutMillis: options.isKept === true ? 0 : 30_000,
    query_timeout: options.statementTimeoutMs + 500,
    statement_timeout: options.statementTimeoutMs,
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 5_000,
    pipeline: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // Short statements only: compiling them costs more than it saves.
    options: '-c jit=off',
    types: { getTypeParser: parserOf },
  });
  // The pool listens to idle connections only, and an unheard error of one that is in use would end the process.
  pool.on('connect', (client) => client.on('error', options.onConnectionLost));
  pool.on('error', () => undefined); // told by the connection itself, above
  return new Kysely<DB>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new PipelinedDriver(pool),
      createIntrospector: (database) => new PostgresIntrospector(database),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

const parserOf: pg.CustomTypesConfig['getTypeParser'] = (oid, format) =>
  oid === INT8_OID && format !== 'binary' ? BigInt : types.getTypeParser(oid, format);
