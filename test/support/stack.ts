import { fileURLToPath } from 'node:url';
import type { JWTPayload } from 'jose';
import pg from 'pg';
import { pino } from 'pino';
import type { MachineClock } from '../../core/feed/database-clock.ts';
import { createCurfew, type Curfew } from '../../clients/sdk/index.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { LogLevel } from '../../core/runtime/log-level.ts';
import { type DecisionServer, startDecisionService } from '../../services/decision/service.ts';
import { type GrantServer, startGrantService } from '../../services/grant/service.ts';
import { createIssuer, type TestIssuer } from './issuer.ts';
import { createDatabase, type TestDatabase } from './postgres.ts';

/** The small domain that most tests of the services use. */
export const OFFICE = fileURLToPath(new URL('./office', import.meta.url));

/** A domain in which each environment has a workflow of its own, named like it, for each thing that a grant's life may have. */
export const LIFE = fileURLToPath(new URL('./life', import.meta.url));

/** A database, both services and an issuer, all real. */
export interface Stack extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly grant: GrantServer;
  readonly decision: DecisionServer;
  readonly issuer: TestIssuer;
  /** What the services logged, warnings and errors unless said, a JSON line each. */
  readonly logs: readonly string[];
  /** Where they log, for more services of the same stack. */
  readonly logger: Logger;
  /** Looks into the database as its owner. */
  query<T extends object = Record<string, unknown>>(
    sql: string,
    parameters?: readonly unknown[],
  ): Promise<T[]>;
  /** A client that calls as this person (or, with the type said, as a service); one per name. */
  as(id: string, type?: string): Promise<Curfew>;
  /** A client that calls as this person, by a token with these claims besides. */
  withClaims(id: string, claims: JWTPayload): Promise<Curfew>;
}

export interface StackOptions {
  /** A policy folder with its directory.json. */
  readonly policies?: string;
  readonly personType?: string;
  /** How long the grant service waits between looks at the folder. */
  readonly lookMs?: number;
  /** The clock of the grant service's machine. */
  readonly machine?: MachineClock;
  /** On another server than the run's. */
  readonly database?: TestDatabase;
  /** Whether the grant service does jobs; not unless said, so that tests see what they did themselves. */
  readonly hasJobs?: boolean;
  /** From which level on `logs` has what the services log; `warn` unless said. */
  readonly logLevel?: LogLevel;
}

const LOOPBACK = '127.0.0.1:0';
/** Tests of changed policies wait for two looks. */
export const LOOK_MS = 100;

export async function startStack({
  policies = OFFICE,
  personType = 'User',
  lookMs = LOOK_MS,
  machine,
  logLevel = 'warn',
  hasJobs = false,
  ...options
}: StackOptions = {}): Promise<Stack> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(options.database ?? (await createDatabase()));
  const issuer = opened.use(await createIssuer());
  const logs: string[] = [];
  const logger = pino({ level: logLevel }, { write: (line: string) => void logs.push(line) });
  const common = { address: LOOPBACK, httpAddress: LOOPBACK, issuers: [issuer.issuer], logger };
  const grant = await startGrantService({
    ...common,
    databaseUrl: database.grantUrl,
    policyFolder: policies,
    policyLookMs: lookMs,
    hasJobs,
    ...(machine === undefined ? {} : { machine }),
  });
  opened.defer(() => grant.close());
  const decision = await startDecisionService({
    ...common,
    databaseUrl: database.decisionUrl,
    grantService: { address: `127.0.0.1:${grant.port}` },
    staleStandingMs: 60_000,
  });
  opened.defer(() => decision.close());
  await decision.followed.follower.waitFor(grant.context.followed.replica.revision, 10_000);
  const clients = new Map<string, Curfew>();
  opened.defer(() => {
    for (const client of clients.values()) client.close();
  });
  const clientOf = (name: string, token: string): Curfew => {
    const client = createCurfew({
      decisionAddress: `127.0.0.1:${decision.port}`,
      grantAddress: `127.0.0.1:${grant.port}`,
      token,
      // A busy machine is no reason for a test to fail.
      authorizeTimeoutMs: 10_000,
    });
    clients.set(name, client);
    return client;
  };
  const rest = opened.move();
  return {
    database,
    grant,
    decision,
    issuer,
    logs,
    logger,
    query: (sql, parameters = []) => queryOnce(database.ownerUrl, sql, parameters),
    as: async (id, type = personType) => {
      const name = `${type} ${id}`;
      return clients.get(name) ?? clientOf(name, await issuer.token(type, id));
    },
    withClaims: async (id, claims) => {
      const token = await issuer.token(personType, id, claims);
      return clients.get(token) ?? clientOf(token, token);
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

/** On a connection that is closed when this resolves: one that lingers would be cut when the database is dropped. */
async function queryOnce<T extends object>(
  url: string,
  sql: string,
  parameters: readonly unknown[],
): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql, [...parameters])).rows;
  } finally {
    await client.end();
  }
}
