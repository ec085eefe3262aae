import type { Meter } from '@opentelemetry/api';
import type { MachineClock } from '../../core/feed/database-clock.ts';
import { awaitNewcomers } from '../../core/replica/await-newcomers.ts';
import { type Followed, follow } from '../../core/replica/follow.ts';
import { followOwners } from '../../core/replica/owned-services.ts';
import { callerResolver } from '../../core/replica/resolve-caller.ts';
import { createIdentify } from '../../core/rpc/identity.ts';
import { createRpcServer, type RpcServer } from '../../core/rpc/serve.ts';
import type { CertificateRule } from '../../core/runtime/certificate-rule.ts';
import { createHealthServer } from '../../core/runtime/http.ts';
import { type Metrics, openMetrics } from '../../core/runtime/telemetry/metrics.ts';
import type { Issuer } from '../../core/runtime/issuer.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { type OnClose, opened } from '../../core/runtime/opened.ts';
import type { TlsFiles } from '../../core/runtime/tls-files.ts';
import { connect, type Database } from '../../core/store/connect.ts';
import { keepWarm } from '../../core/store/keep-warm.ts';
import { requireLeastRights } from '../../core/store/least-rights.ts';
import { requireSchema } from '../../core/store/migrate.ts';
import { DirectoryService } from '../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import { GrantService } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { LockService } from '../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import { LedgerService } from '../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import { PolicyService } from '../../proto/gen/curfew/grant/v1/policy_service_pb.ts';
import { verifyAside } from '../../core/store/verify-aside.ts';
import type { GrantContext } from './context.ts';
import { directoryRoutes } from './directory-routes.ts';
import { FirstRevisions } from './first-revisions.ts';
import { countGrantWork } from './grant-counts.ts';
import { grantRoutes } from './grant-routes.ts';
import { takePartInJobs } from './jobs/take-part.ts';
import { keepEligible } from './keep-eligible.ts';
import { ledgerRoutes } from './ledger-routes.ts';
import { lockRoutes } from './lock-routes.ts';
import { policyRoutes } from './policy-routes.ts';
import { settleAfterChanges } from './settle-agreed.ts';
import { watchPolicies } from './watch-policies.ts';

export interface GrantServiceOptions {
  /** Signs in with the grant role's rights. */
  readonly databaseUrl: string;
  readonly address: string;
  readonly httpAddress: string;
  readonly issuers: readonly Issuer[];
  readonly tls?: TlsFiles | undefined;
  readonly certificatePrefix?: string;
  /** What client certificates may call at all; everything unless said. */
  readonly certificateRules?: readonly CertificateRule[] | undefined;
  /** The folder that this service puts in force; without it, it works with what is in force already. */
  readonly policyFolder?: string | undefined;
  /** How long it waits between looks at the folder; 1,000 unless said. A change is in force after two. */
  readonly policyLookMs?: number;
  /** Whether it does its share of the jobs; not unless said. */
  readonly hasJobs?: boolean;
  readonly logger: Logger;
  /** Replaced only to test that broken clocks change nothing. */
  readonly machine?: MachineClock;
}

/** A grant service that listens. */
export interface GrantServer {
  readonly port: number;
  readonly httpPort: number;
  readonly context: GrantContext;
  /** Says that it is not serving from now on, and still answers, so that callers go elsewhere before it is closed. */
  stopServing(): void;
  close(): Promise<void>;
}

/** For everything but revoking; few enough that transitions wait in turn here rather than for the head of the ledger in the database. */
export const CONNECTIONS = 10;
const REVOKE_POOL = 2;
const STATEMENT_TIMEOUT_MS = 5_000;
const HEALTH_MS = 250;
const FIRST_LOOK_MS = 10_000;

/**
 * Starts the grant service: follows the ledger, puts the policy folder in force, then listens.
 * @throws Error when the schema is not one that it can run on, its role may too much, an address cannot be listened on, or the first policy folder is bad
 */
export async function startGrantService(options: GrantServiceOptions): Promise<GrantServer> {
  return await opened((onClose) => open(options, onClose));
}

async function open(options: GrantServiceOptions, onClose: OnClose): Promise<Omit<GrantServer, 'close'>> {
  const { databaseUrl, logger } = options;
  const metrics = await openMetrics('curfew-grant');
  onClose(() => metrics.close());
  const { meter } = metrics;
  const database = openPool(options, { name: 'curfew-grant', poolSize: CONNECTIONS, onClose });
  await requireSchema(database);
  await requireLeastRights(database);
  const revokeDatabase = openPool(options, {
    name: 'curfew-grant-revoke',
    poolSize: REVOKE_POOL,
    isKept: true,
    onClose,
  });
  const warming = keepWarm(revokeDatabase, REVOKE_POOL);
  onClose(() => warming.close());
  const followed = openReplica(options, meter, onClose);
  const counts = countGrantWork(meter);
  const context = { database, revokeDatabase, followed, counts, firstRevisions: new FirstRevisions() };
  if (options.policyFolder !== undefined) {
    const { policyFolder: folder, policyLookMs } = options;
    const lookMs = policyLookMs === undefined ? {} : { lookMs: policyLookMs };
    const watch = await watchPolicies({ context, folder, log: logger, ...lookMs });
    onClose(() => watch.close());
  }
  for (const lookAfter of [keepEligible, settleAfterChanges]) onClose(lookAfter(context, logger));
  const server = serve(options, context, metrics);
  const health = createHealthServer({ isReady: () => isReady(followed), metricsPage: metrics.page });
  onClose(() => health.close()); // after the server: probes are answered while it drains
  onClose(() => server.close());
  const httpPort = await health.listen(options.httpAddress);
  // Clients that know several replicas call this one as soon as it listens.
  await followed.follower.waitFor(0n, FIRST_LOOK_MS);
  if (options.hasJobs === true) onClose(takePartInJobs({ context, databaseUrl, log: logger }));
  const port = await server.listen(options.address);
  const telling = setInterval(() => tellHealth(server, followed), HEALTH_MS);
  onClose(() => clearInterval(telling));
  tellHealth(server, followed);
  const stopServing = (): void => {
    health.stopServing();
    server.stopServing();
  };
  return { port, httpPort, context, stopServing };
}

function openReplica(
  { databaseUrl, logger: log, machine }: GrantServiceOptions,
  meter: Meter,
  onClose: OnClose,
): Followed {
  const clock = machine === undefined ? {} : { machine };
  const followed = follow({ databaseUrl, name: 'curfew-grant-feed', log, meter, ...clock });
  onClose(() => followed.close());
  followOwners(followed.replica.directory);
  return followed;
}

interface Pool {
  readonly name: string;
  readonly poolSize: number;
  readonly isKept?: boolean;
  readonly onClose: OnClose;
}

function openPool({ databaseUrl: url, logger }: GrantServiceOptions, { onClose, ...pool }: Pool): Database {
  const onConnectionLost = (error: Error): void =>
    logger.warn({ err: error }, 'a database connection was lost');
  const database = connect({
    url,
    ...pool,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    onConnectionLost,
  });
  onClose(() => database.destroy());
  return database;
}

function serve(options: GrantServiceOptions, context: GrantContext, { meter }: Metrics): RpcServer {
  return createRpcServer({
    routes: [
      grantRoutes(context, options.logger),
      directoryRoutes(context),
      lockRoutes(context),
      ledgerRoutes(context, (from, signal) =>
        verifyAside({ databaseUrl: options.databaseUrl, name: 'curfew-grant-verify', from }, signal),
      ),
      policyRoutes(context),
    ],
    identify: createIdentify({
      issuers: options.issuers,
      resolveCaller: awaitNewcomers(callerResolver(context.followed), context.followed.follower),
      // Not this machine's clock: set back, it would bring expired tokens back to life.
      now: () => context.followed.clock.late(),
      logger: options.logger,
      certificateRules: options.certificateRules,
      ...(options.certificatePrefix === undefined ? {} : { certificatePrefix: options.certificatePrefix }),
    }),
    logger: options.logger,
    meter,
    tls: options.tls,
  });
}

/** Reading on an old directory would show people what they may no longer see. */
const READY_WITHIN_MS = 10_000;

function isReady({ follower, replica, clock }: Followed): boolean {
  return (
    follower.revision !== undefined && replica.policies.kind === 'ready' && clock.ageMs() < READY_WITHIN_MS
  );
}

function tellHealth(server: RpcServer, followed: Followed): void {
  const serving = isReady(followed);
  for (const { typeName } of [GrantService, DirectoryService, LockService, LedgerService, PolicyService])
    server.setServing(typeName, serving);
  server.setServing('', serving);
}
