import { DecisionService } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { DirectoryService } from '../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import type { AccessRequest, Grant } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  type ExtendGrantResponse,
  GrantService,
  type RequestAccessResponse,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { LedgerService } from '../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import { LockService } from '../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import { PolicyService } from '../../proto/gen/curfew/grant/v1/policy_service_pb.ts';
import {
  type AccessWish,
  activateAccess,
  extendAccess,
  type ExtensionWish,
  requestAccess,
  waitForAccess,
  watchAccess,
  type WatchOptions,
} from './access.ts';
import { type Channel, openChannel } from './channel.ts';
import type { CurfewError } from './curfew-error.ts';
import { createDecisions, type Decisions } from './decide.ts';
import type { EdgeStatus } from './edge/edge-cache.ts';
import { type Edge, type EdgeCacheOptions, openEdge } from './edge/open-edge.ts';
import { type Replicas, resolveReplicas, type TlsOptions } from './endpoint.ts';
import type { CallOptions } from './patience.ts';
import { createServiceClient, type ServiceClient } from './service-client.ts';
import { tokenReader, type TokenSource } from './token-source.ts';

export interface CurfewOptions {
  /** The host of both services, at ports 2200 and 2201; 127.0.0.1 unless said. */
  readonly address?: string;
  /**
   * `host` or `host:port` of the decision service, where it is not at `address`. Several replicas are a list, or a text with commas
   * between: calls spread over them, and pass over those that are away.
   */
  readonly decisionAddress?: string | readonly string[];
  /** The same of the grant service. */
  readonly grantAddress?: string | readonly string[];
  /** Who is calling; left out by callers known by their certificate. */
  readonly token?: TokenSource;
  /** By default plaintext to this machine and TLS to every other; false is refused for an address that is not loopback. */
  readonly tls?: TlsOptions | false;
  /** How long a decision may take, getting the token, connecting and a second try included; 200 unless said. */
  readonly authorizeTimeoutMs?: number;
  /** How long every other call may take; 10,000 unless said. */
  readonly timeoutMs?: number;
  /** Told of every decision that ended in an error, for `isAllowed` answers just false. */
  readonly onError?: (error: CurfewError) => void;
  /**
   * Keeps answers in this process until something changes that they depend on; true = with the usual limits. Off unless said: what is
   * answered here is in no log of the service, it takes the right to `watch`, and the client must be closed for the process to end.
   */
  readonly edgeCache?: EdgeCacheOptions | boolean;
}

/** Asks Curfew. */
export interface Curfew extends Decisions {
  /** Asks for access; what needs nobody's approval is granted in the answer. @throws CurfewError */
  requestAccess(wish: AccessWish, options?: CallOptions): Promise<RequestAccessResponse>;
  /** The request now and whenever it changes, until it is decided; outlives lost connections. @throws CurfewError */
  watchAccess(id: string, options?: WatchOptions): AsyncIterable<AccessRequest>;
  /** The request once it is decided, withdrawn or expired: look at its `state`. @throws CurfewError */
  waitForAccess(id: string, options?: WatchOptions): Promise<AccessRequest>;
  /**
   * Asks that an active grant, by its id, end later; what needs nobody's approval is extended in the answer. For the rest, wait for
   * the answer's request.
   *
   * @throws CurfewError
   */
  extendAccess(id: string, wish?: ExtensionWish, options?: CallOptions): Promise<ExtendGrantResponse>;
  /** Begins a claimable grant, by its id, now, in the place of its first use. @throws CurfewError */
  activateAccess(id: string, options?: CallOptions): Promise<Grant>;
  /** Every method of the API as it is. A decision read here must be looked at with care: only EFFECT_ALLOW permits. */
  readonly services: CurfewServices;
  /** Where each service is looked for; several replicas with commas between. */
  readonly addresses: { readonly decision: string; readonly grant: string };
  /** How the edge cache does; undefined without one. */
  readonly edgeStatus: EdgeStatus | undefined;
  /** Ends the connections and whatever is under way; later calls fail. */
  close(): void;
}

export interface CurfewServices {
  readonly decision: ServiceClient<typeof DecisionService>;
  readonly grants: ServiceClient<typeof GrantService>;
  readonly directory: ServiceClient<typeof DirectoryService>;
  readonly ledger: ServiceClient<typeof LedgerService>;
  readonly locks: ServiceClient<typeof LockService>;
  readonly policies: ServiceClient<typeof PolicyService>;
}

const decisionPort = 2200;
const grantPort = 2201;

/** A client of one Curfew; it connects with the first call. @throws CurfewError INVALID_ARGUMENT for options that cannot be meant */
export function createCurfew(options: CurfewOptions = {}): Curfew {
  const endpoints = resolveEndpoints(options);
  const readToken = options.token === undefined ? undefined : tokenReader(options.token);
  const { authorizeTimeoutMs = 200, timeoutMs = 10_000, onError } = options;
  const decisionChannel = openChannel({ endpoints: endpoints.decision, readToken, timeoutMs });
  const grantChannel = openChannel({ endpoints: endpoints.grant, readToken, timeoutMs });
  const services = createServices(decisionChannel, grantChannel);
  const edge = openEdgeIfWanted(decisionChannel, options.edgeCache);
  return {
    ...createDecisions(services.decision, { timeoutMs: authorizeTimeoutMs, onError, edge }),
    requestAccess: (wish, call) => requestAccess(services.grants, wish, call),
    watchAccess: (id, watch) => watchAccess(services.grants, id, watch),
    waitForAccess: (id, watch) => waitForAccess(services.grants, id, watch),
    extendAccess: (id, wish, call) => extendAccess(services.grants, id, wish, call),
    activateAccess: (id, call) => activateAccess(services.grants, id, call),
    services,
    addresses: { decision: addressesOf(endpoints.decision), grant: addressesOf(endpoints.grant) },
    get edgeStatus() {
      return edge?.cache.status;
    },
    close() {
      edge?.close();
      decisionChannel.close();
      grantChannel.close();
    },
  };
}

function openEdgeIfWanted(channel: Channel, options: CurfewOptions['edgeCache']): Edge | undefined {
  if (options === undefined || options === false) return undefined;
  return openEdge(channel, options === true ? {} : options);
}

export interface Endpoints {
  readonly decision: Replicas;
  readonly grant: Replicas;
}

/** Where both services are. @throws CurfewError INVALID_ARGUMENT for addresses or TLS that cannot be meant */
export function resolveEndpoints(
  options: Pick<CurfewOptions, 'address' | 'decisionAddress' | 'grantAddress' | 'tls'>,
): Endpoints {
  const { address = '127.0.0.1', decisionAddress, grantAddress, tls } = options;
  const own = (given: string | readonly string[] | undefined, port: number, field: string) =>
    given === undefined
      ? resolveReplicas([address], { port, tls, field: 'address', isHostOnly: true })
      : resolveReplicas(given, { port, tls, field });
  return {
    decision: own(decisionAddress, decisionPort, 'decisionAddress'),
    grant: own(grantAddress, grantPort, 'grantAddress'),
  };
}

function addressesOf(endpoints: Replicas): string {
  return endpoints.map(({ address }) => address).join(',');
}

function createServices(decision: Channel, grant: Channel): CurfewServices {
  return {
    decision: createServiceClient(DecisionService, decision),
    grants: createServiceClient(GrantService, grant),
    directory: createServiceClient(DirectoryService, grant),
    ledger: createServiceClient(LedgerService, grant),
    locks: createServiceClient(LockService, grant),
    policies: createServiceClient(PolicyService, grant),
  };
}
