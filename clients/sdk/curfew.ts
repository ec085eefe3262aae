import { DecisionService } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { DirectoryService } from '../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import type { AccessRequest } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  GrantService,
  type RequestAccessResponse,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { LedgerService } from '../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import { PolicyService } from '../../proto/gen/curfew/grant/v1/policy_service_pb.ts';
import { type AccessWish, requestAccess, waitForAccess, watchAccess, type WatchOptions } from './access.ts';
import { type CallOptions, type Channel, openChannel } from './channel.ts';
import { CurfewError } from './curfew-error.ts';
import { type Decision, toDecision, toDecisions } from './decision.ts';
import { type Endpoint, resolveEndpoint, type TlsOptions } from './endpoint.ts';
import { type Question, toAuthorizeRequest } from './question.ts';
import { createServiceClient, type ServiceClient } from './service-client.ts';
import { tokenReader, type TokenSource } from './token-source.ts';

export interface CurfewOptions {
  /** The host of both services, at ports 2200 and 2201; 127.0.0.1 unless said. */
  readonly address?: string;
  /** `host` or `host:port` of the decision service, where it is not at `address`. */
  readonly decisionAddress?: string;
  /** `host` or `host:port` of the grant service, where it is not at `address`. */
  readonly grantAddress?: string;
  /** Who is calling; left out by callers known by their certificate. */
  readonly token?: TokenSource;
  /** By default plaintext to this machine and TLS to every other; false is refused for an address that is not loopback. */
  readonly tls?: TlsOptions | false;
  /** How long a decision may take, getting the token and connecting included; 200 unless said. */
  readonly authorizeTimeoutMs?: number;
  /** How long every other call may take; 10,000 unless said. */
  readonly timeoutMs?: number;
  /** Told of every decision that ended in an error, for `isAllowed` answers just false. */
  readonly onError?: (error: CurfewError) => void;
}

/** Asks Curfew. */
export interface Curfew {
  /** Answers one question. Never throws and never rejects: what goes wrong is the effect `error`. */
  authorize(question: Question, options?: CallOptions): Promise<Decision>;
  /** Answers up to 500 questions at one instant and one revision, in order. Never throws and never rejects. */
  authorizeAll(questions: readonly Question[], options?: CallOptions): Promise<readonly Decision[]>;
  /** Whether the answer is ALLOW. False for a deny and for everything that goes wrong; nothing can be set to change that. */
  isAllowed(question: Question, options?: CallOptions): Promise<boolean>;
  /** Asks for access; what needs nobody's approval is granted in the answer. @throws CurfewError */
  requestAccess(wish: AccessWish, options?: CallOptions): Promise<RequestAccessResponse>;
  /** The request now and whenever it changes, until it is decided; outlives lost connections. @throws CurfewError */
  watchAccess(id: string, options?: WatchOptions): AsyncIterable<AccessRequest>;
  /** The request once it is decided, withdrawn or expired: look at its `state`. @throws CurfewError */
  waitForAccess(id: string, options?: WatchOptions): Promise<AccessRequest>;
  /** Every method of the API as it is. A decision read here must be looked at with care: only EFFECT_ALLOW permits. */
  readonly services: CurfewServices;
  /** Where each service is looked for. */
  readonly addresses: { readonly decision: string; readonly grant: string };
  /** Ends the connections; calls under way fail. */
  close(): void;
}

export interface CurfewServices {
  readonly decision: ServiceClient<typeof DecisionService>;
  readonly grants: ServiceClient<typeof GrantService>;
  readonly directory: ServiceClient<typeof DirectoryService>;
  readonly ledger: ServiceClient<typeof LedgerService>;
  readonly policies: ServiceClient<typeof PolicyService>;
}

const decisionPort = 2200;
const grantPort = 2201;

/** A client of one Curfew; it connects with the first call. @throws CurfewError INVALID_ARGUMENT for options that cannot be meant */
export function createCurfew(options: CurfewOptions = {}): Curfew {
  const endpoints = resolveEndpoints(options);
  const readToken = options.token === undefined ? undefined : tokenReader(options.token);
  const { authorizeTimeoutMs = 200, timeoutMs = 10_000, onError } = options;
  const decisionChannel = openChannel({ endpoint: endpoints.decision, readToken, timeoutMs });
  const grantChannel = openChannel({ endpoint: endpoints.grant, readToken, timeoutMs });
  const services = createServices(decisionChannel, grantChannel);

  const decide = decisions(services.decision, authorizeTimeoutMs, onError);
  return {
    ...decide,
    requestAccess: (wish, call) => requestAccess(services.grants, wish, call),
    watchAccess: (id, watch) => watchAccess(services.grants, id, watch),
    waitForAccess: (id, watch) => waitForAccess(services.grants, id, watch),
    services,
    addresses: { decision: endpoints.decision.address, grant: endpoints.grant.address },
    close() {
      decisionChannel.close();
      grantChannel.close();
    },
  };
}

export interface Endpoints {
  readonly decision: Endpoint;
  readonly grant: Endpoint;
}

/** Where both services are. @throws CurfewError INVALID_ARGUMENT for addresses or TLS that cannot be meant */
export function resolveEndpoints(
  options: Pick<CurfewOptions, 'address' | 'decisionAddress' | 'grantAddress' | 'tls'>,
): Endpoints {
  const { address = '127.0.0.1', decisionAddress, grantAddress, tls } = options;
  const own = (given: string | undefined, port: number, field: string) =>
    given === undefined
      ? resolveEndpoint({ address, port, tls, field: 'address', isHostOnly: true })
      : resolveEndpoint({ address: given, port, tls, field });
  return {
    decision: own(decisionAddress, decisionPort, 'decisionAddress'),
    grant: own(grantAddress, grantPort, 'grantAddress'),
  };
}

function createServices(decision: Channel, grant: Channel): CurfewServices {
  return {
    decision: createServiceClient(DecisionService, decision),
    grants: createServiceClient(GrantService, grant),
    directory: createServiceClient(DirectoryService, grant),
    ledger: createServiceClient(LedgerService, grant),
    policies: createServiceClient(PolicyService, grant),
  };
}

/** A listener that throws is no reason to leave a caller without a decision; its owner sees it as a warning of the process. */
function tell(onError: CurfewOptions['onError'], error: CurfewError): void {
  try {
    onError?.(error);
  } catch (fault) {
    process.emitWarning(`the onError of Curfew's client failed: ${String(fault)}`);
  }
}

type Decisions = Pick<Curfew, 'authorize' | 'authorizeAll' | 'isAllowed'>;

function decisions(
  service: CurfewServices['decision'],
  usualTimeoutMs: number,
  onError: CurfewOptions['onError'],
): Decisions {
  /** Every path to a decision goes through here, so that none throws and none is forgotten to be told of. */
  async function settle<T>(
    call: CallOptions | undefined,
    ask: (call: CallOptions) => Promise<T>,
  ): Promise<T | CurfewError> {
    const timeoutMs = call?.timeoutMs ?? usualTimeoutMs;
    const startedAt = performance.now();
    try {
      const answer = await ask({ ...call, timeoutMs });
      const elapsedMs = performance.now() - startedAt;
      if (elapsedMs <= timeoutMs) return answer;
      // A process that stood still reads the answer of another time.
      return new CurfewError(
        'DEADLINE_EXCEEDED',
        `answered after ${Math.round(elapsedMs)} ms, wanted ${timeoutMs}`,
      );
    } catch (error) {
      return CurfewError.from(error);
    }
  }

  function told(decision: Decision): Decision {
    if (decision.effect === 'error') tell(onError, decision.error);
    return decision;
  }

  async function authorize(question: Question, call?: CallOptions): Promise<Decision> {
    const outcome = await settle(call, async (limited) =>
      toDecision(await service.authorize(toAuthorizeRequest(question), limited)),
    );
    return told(outcome instanceof CurfewError ? { effect: 'error', error: outcome } : outcome);
  }

  return {
    authorize,
    async authorizeAll(questions, call) {
      const outcome = await settle(call, async (limited) => {
        const requests = questions.map(toAuthorizeRequest);
        const { results } = await service.batchAuthorize({ requests }, limited);
        return toDecisions(results, questions.length);
      });
      if (!(outcome instanceof CurfewError)) return outcome.map(told);
      return questions.map(() => told({ effect: 'error', error: outcome }));
    },
    isAllowed: async (question, call) => (await authorize(question, call)).effect === 'allow',
  };
}
