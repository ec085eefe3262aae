import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { types } from 'pg';
import { clientConfigOf } from './client-config.ts';
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
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // Short statements only: compiling them costs more than it saves.
    options: '-c jit=off',
    types: { getTypeParser: parserOf },
  });
  // The pool listens to idle connections only, and an unheard error of one that is in use would end the process.
  pool.on('connect', (client) => client.on('error', options.onConnectionLost));
  pool.on('error', () => undefined); // told by the connection itself, above
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool: withoutMute(pool) }) });
}

const parserOf: pg.CustomTypesConfig['getTypeParser'] = (oid, format) =>
  oid === INT8_OID && format !== 'binary' ? BigInt : types.getTypeParser(oid, format);

/**
 * The pool, but a connection that left a statement unanswered is not used again: after a partition or a failover TCP keeps a dead
 * one for many minutes, and every further statement would queue up behind the first.
 */
function withoutMute(pool: pg.Pool): PostgresPool {
  return {
    options: pool.options,
    connect: async () => watched(await pool.connect()),
    end: () => pool.end(),
  };
}

function watched(client: pg.PoolClient): PostgresPoolClient {
  let isMute = false;
  const query = async (text: string, parameters: unknown[]): Promise<unknown> => {
    try {
      return await client.query(text, parameters);
    } catch (error) {
      isMute ||= error instanceof Error && error.message === 'Query read timeout';
      throw error;
    }
  };
  return {
    query: query as PostgresPoolClient['query'], // no cursors here: kysely asks for rows only
    release: (destroy) => client.release(destroy === true || isMute),
  };
}
