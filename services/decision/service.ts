import type { Meter } from '@opentelemetry/api';
import type { MachineClock } from '../../core/feed/database-clock.ts';
import { awaitNewcomers } from '../../core/replica/await-newcomers.ts';
import { type Followed, follow } from '../../core/replica/follow.ts';
import { callerResolver } from '../../core/replica/resolve-caller.ts';
import { createIdentify } from '../../core/rpc/identity.ts';
import { connectService, type RemoteAddress, type RemoteService } from '../../core/rpc/remote-service.ts';
import type { ConnectionSource } from '../../core/rpc/listen.ts';
import { createRpcServer, type Overloading, type RpcServer } from '../../core/rpc/serve.ts';
import type { CertificateRule } from '../../core/runtime/certificate-rule.ts';
import { createHealthServer } from '../../core/runtime/http.ts';
import { openMetrics } from '../../core/runtime/telemetry/metrics.ts';
import type { Issuer } from '../../core/runtime/issuer.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { type OnClose, opened } from '../../core/runtime/opened.ts';
import type { TlsFiles } from '../../core/runtime/tls-files.ts';
import { connect } from '../../core/store/connect.ts';
import { requireLeastRights } from '../../core/store/least-rights.ts';
import { requireSchema } from '../../core/store/migrate.ts';
import { DecisionService } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { DecisionContext } from './authorize.ts';
import { Changes } from './changes/changes.ts';
import { observeWatches } from './changes/observe-watches.ts';
import { GrantServiceUses } from './grant-service-uses.ts';
import {
  FEWEST_PER_TURN,
  LEAST_LEFT_MS,
  MAX_IN_FLIGHT,
  MEMO_DECISIONS,
  MESSAGE_BYTES,
  QUEUE_GONE_MS,
  STANDING_QUEUE_MS,
  TURN_MS,
} from './limits.ts';
import { createMemo } from './memo.ts';
import { observeDecisions } from './observe-decisions.ts';
import { createPolicyAlarm } from './policy-alarm.ts';
import { createRights } from './rights.ts';
import { decisionRoute } from './routes.ts';
import { watchHealth } from './watch-health.ts';

export interface DecisionOptions {
  /** Signs in with the rights to read. */
  readonly databaseUrl: string;
  readonly issuers: readonly Issuer[];
  readonly tls?: TlsFiles | undefined;
  readonly certificatePrefix?: string;
  /** What client certificates may call at all; everything unless said. */
  readonly certificateRules?: readonly CertificateRule[] | undefined;
  /** How long standing permits go on past the staleness bound; 0 = never. */
  readonly staleStandingMs: number;
  /** Questions that are answered at once, a batch counting as many as it has; 2,000 unless said. */
  readonly maxInFlight?: number;
  /** Where uses of grants are acknowledged; without it nothing is permitted that takes one. */
  readonly grantService?: Pick<RemoteAddress, 'address' | 'caPath'> | undefined;
  readonly logger: Logger;
  /** Replaced only to test what broken clocks do. */
  readonly machine?: MachineClock;
}

export interface DecisionServiceOptions extends DecisionOptions {
  readonly address: string;
  readonly httpAddress: string;
}

/** A decision service that listens. */
export interface DecisionServer {
  readonly port: number;
  readonly httpPort: number;
  readonly followed: Followed;
  /** Says that it is not serving from now on, and still answers, so that callers go elsewhere before it is closed. */
  stopServing(): void;
  close(): Promise<void>;
}

/** A decision service whose connections, probes and scrapers come by way of another process. */
export interface DecisionWorker extends Pick<DecisionServer, 'stopServing' | 'close'> {
  readonly isServing: () => boolean;
  /** Its metrics in Prometheus' text format. */
  readonly page: () => Promise<string>;
}

const FIRST_LOOK_MS = 10_000;

/**
 * Starts the decision service: it listens when it has caught up with the ledger, or after ten seconds to say what it lacks.
 * @throws Error when the schema is not one that it can run on, its role may too much, or an address cannot be listened on
 */
export async function startDecisionService(options: DecisionServiceOptions): Promise<DecisionServer> {
  await checkDatabase(options.databaseUrl);
  return await opened((onClose) => open(options, onClose));
}

async function open(
  options: DecisionServiceOptions,
  onClose: OnClose,
): Promise<Omit<DecisionServer, 'close'>> {
  const { server, followed, isServing, page } = await assemble(options, onClose);
  const probes = createHealthServer({ isReady: isServing, metricsPage: page });
  onClose(() => probes.close()); // after the server: probes are answered while it drains
  onClose(() => server.close());
  const httpPort = await probes.listen(options.httpAddress);
  await firstLook(followed);
  const port = await server.listen(options.address);
  const stopServing = (): void => {
    probes.stopServing();
    server.stopServing();
  };
  return { port, httpPort, followed, stopServing };
}

/**
 * The same as `startDecisionService`, but for listening: it takes connections from where they are accepted.
 * @throws Error as `startDecisionService`
 */
export async function startDecisionWorker(
  options: DecisionOptions,
  connections: ConnectionSource,
): Promise<DecisionWorker> {
  await checkDatabase(options.databaseUrl);
  return await opened(async (onClose) => {
    const { server, followed, isServing, page } = await assemble(options, onClose);
    onClose(() => server.close());
    await firstLook(followed);
    server.takeFrom(connections);
    return { isServing, page, stopServing: () => server.stopServing() };
  });
}

/** Clients that know several replicas call this one as soon as it takes connections. */
async function firstLook({ follower }: Followed): Promise<void> {
  await follower.waitFor(0n, FIRST_LOOK_MS);
}

interface Assembled extends Pick<DecisionWorker, 'isServing' | 'page'> {
  readonly server: RpcServer;
  readonly followed: Followed;
}

/** All of it but where calls come in. The server is the caller's to close. */
async function assemble(options: DecisionOptions, onClose: OnClose): Promise<Assembled> {
  const { databaseUrl, logger, staleStandingMs, machine } = options;
  const { meter, page, ...metrics } = await openMetrics('curfew-decision');
  onClose(() => metrics.close());
  const followed = follow({
    databaseUrl,
    name: 'curfew-decision',
    log: logger,
    meter,
    ...(machine === undefined ? {} : { machine }),
  });
  onClose(() => followed.close());
  const alarm = createPolicyAlarm(logger, followed.clock, meter);
  const uses = new GrantServiceUses({ remote: connectGrantService(options), log: logger });
  onClose(() => uses.close());
  const context = {
    uses,
    followed,
    rights: createRights(followed, { alarm }),
    alarm,
    observe: observeDecisions(meter),
    staleStandingMs,
    memo: createMemo(MEMO_DECISIONS),
  };
  const changes = new Changes(followed);
  onClose(() => changes.stop());
  const server = serve(options, { context, changes, meter });
  const health = watchHealth(context, server, logger);
  onClose(() => health.close());
  return { server, followed, isServing: health.isServing, page };
}

function connectGrantService({ grantService, tls }: DecisionOptions): RemoteService | undefined {
  if (grantService === undefined) return undefined;
  const own = tls === undefined ? undefined : { certPath: tls.certPath, keyPath: tls.keyPath };
  return connectService({ ...grantService, own });
}

interface Served {
  readonly context: DecisionContext;
  readonly changes: Changes;
  readonly meter: Meter;
}

function serve(options: DecisionOptions, { context, changes, meter }: Served): RpcServer {
  return createRpcServer({
    routes: [decisionRoute(context, { changes, observeWatch: observeWatches(meter) }, options.logger)],
    identify: createIdentify({
      issuers: options.issuers,
      resolveCaller: awaitNewcomers(callerResolver(context.followed), context.followed.follower),
      // A machine whose clock is behind must not take a token that has expired.
      now: () => context.followed.clock.late(),
      logger: options.logger,
      certificateRules: options.certificateRules,
      ...(options.certificatePrefix === undefined ? {} : { certificatePrefix: options.certificatePrefix }),
    }),
    logger: options.logger,
    meter,
    limits: { maxMessageBytes: MESSAGE_BYTES },
    overload: overloadOf(options.maxInFlight ?? MAX_IN_FLIGHT),
    tls: options.tls,
  });
}

/** Health and status are answered whatever there is to do: who cannot ask how a service is takes it for dead. */
function overloadOf(maxInFlight: number): Overloading {
  const { authorize, batchAuthorize } = DecisionService.method;
  return {
    methods: [authorize, batchAuthorize],
    limits: {
      maxInFlight,
      turnMs: TURN_MS,
      standingMs: STANDING_QUEUE_MS,
      goneMs: QUEUE_GONE_MS,
      fewestPerTurn: FEWEST_PER_TURN,
      leastLeftMs: LEAST_LEFT_MS,
    },
  };
}

async function checkDatabase(databaseUrl: string): Promise<void> {
  const database = connect({
    url: databaseUrl,
    name: 'curfew-decision-start',
    poolSize: 1,
    statementTimeoutMs: 5_000,
    onConnectionLost: () => undefined, // the check itself fails then
  });
  try {
    await requireSchema(database);
    await requireLeastRights(database);
  } finally {
    await database.destroy();
  }
}
