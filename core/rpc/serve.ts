import { setMaxListeners } from 'node:events';
import type { DescMethod } from '@bufbuild/protobuf';
import { Server, type ServerOptions, setLogger, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { createNoopMeter, type Meter } from '@opentelemetry/api';
import type { Logger } from '../runtime/log.ts';
import type { TlsFiles } from '../runtime/tls-files.ts';
import { type Admission, type AdmissionLimits, createAdmission } from './admission.ts';
import { type AnswerCall, type Answering, answerCalls, answerStream, answerUnary } from './answer.ts';
import { answerDirectly } from './answer-directly.ts';
import { createAuthentication } from './authenticate.ts';
import type { DirectPassage } from './direct-call.ts';
import { createHealth } from './health.ts';
import type { Identify } from './identity.ts';
import { defaultLimits, type RpcLimits } from './limits.ts';
import { type ConnectionSource, createListener } from './listen.ts';
import { type CallObserver, observeCalls } from './observe-calls.ts';
import { addReflection } from './reflection.ts';
import { refuseEarly } from './refuse-early.ts';
import { createRefusedPeers, type RefusedPeers } from './refused-peers.ts';
import type { Route } from './route.ts';
import { type Passage, servedCalls } from './served-call.ts';
import { pathOf, serviceDefinition } from './service-definition.ts';
import { nameTransportError } from './transport-errors.ts';
import { letStreamsGo } from './open-streams.ts';
import { UnfinishedCalls } from './unfinished-calls.ts';
import { createValidateMessage } from './validate.ts';

export interface RpcServerOptions {
  readonly routes: readonly Route[];
  readonly identify: Identify;
  readonly logger: Logger;
  readonly limits?: Partial<RpcLimits>;
  /** What is refused when there is too much to do; nothing unless given. */
  readonly overload?: Overloading;
  /** Where calls are counted; nowhere unless given. */
  readonly meter?: Meter;
  /** Without it the server listens on loopback only. */
  readonly tls?: TlsFiles | undefined;
}

/** The methods that are refused when there is too much to do, and how much that is. Others are always answered. */
export interface Overloading {
  readonly methods: readonly DescMethod[];
  readonly limits: AdmissionLimits;
}

/** A gRPC server with health and reflection, which alone need no credentials. */
export interface RpcServer {
  /**
   * Listens on `host:port`, port 0 = any free one.
   *
   * @returns the port
   * @throws Error when the address is malformed, taken, or not loopback without TLS
   */
  readonly listen: (address: string) => Promise<number>;
  /** Takes the connections that another process accepts, instead of listening itself. */
  readonly takeFrom: (source: ConnectionSource) => void;
  /** Sets the health of a service, or of the whole server (''). All start as not serving. */
  readonly setServing: (service: string, serving: boolean) => void;
  /** Not serving from now on, whatever is set, so that clients and load balancers go elsewhere; calls are still answered. */
  readonly stopServing: () => void;
  /** Not serving at once, streams end, calls finish; what has not after `closeGraceMs` is cut. */
  readonly close: () => Promise<void>;
}

/**
 * Builds the server; it answers nothing before `listen`.
 *
 * @throws Error when the TLS files are not good
 */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { routes, logger, tls } = options;
  const limits = { ...defaultLimits, ...options.limits };
  quietGrpc(logger);
  const refusedPeers = createRefusedPeers();
  const passage = passageOf(options, { limits, refusedPeers });
  const server = new Server({ ...serverOptions(limits), interceptors: [servedCalls(passage)] });
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // one for each open stream
  const listener = createListener({ server, limits, logger, tls, refusedPeers });
  const answers = new Map<string, AnswerCall>();
  letStreamsGo(server);
  answerDirectly(server, { ...passage, answers });
  const admissionOf = admitTo(server, options.overload, passage.observer); // sees calls first
  const services = routes.map(({ service }) => service);
  const health = createHealth(['', ...services.map(({ typeName }) => typeName)]);
  health.addTo(server);
  addReflection(server, services);
  const checked = routes.filter(({ validate }) => validate).flatMap(({ methods }) => methods);
  const validate = createValidateMessage(checked.map(({ desc }) => desc.input));
  for (const route of routes) {
    const answering = {
      admissionOf,
      logger,
      validate: route.validate ? validate : undefined,
      closing: closing.signal,
    };
    server.addService(serviceDefinition(route.service), implementation(route, answering, answers));
  }
  return {
    listen: (address) => listener.listen(address),
    takeFrom: (source) => listener.takeFrom(source),
    setServing: (service, serving) => health.setServing(service, serving),
    stopServing: () => health.stopServing(),
    async close() {
      health.close();
      closing.abort();
      await listener.close(limits.closeGraceMs);
    },
  };
}

interface Settings {
  readonly limits: RpcLimits;
  readonly refusedPeers: RefusedPeers;
}

/** What calls pass, whichever way they come. */
function passageOf(
  { identify, logger, meter }: RpcServerOptions,
  { limits, refusedPeers }: Settings,
): Passage & DirectPassage {
  const { maxMessageBytes, maxUnreadMs, requestTimeoutMs } = limits;
  const observer = observeCalls({
    meter: meter ?? createNoopMeter(),
    isTraced: (path) => !isPublic(path),
  });
  const onRefused = observer.refused;
  return {
    authentication: createAuthentication({ identify, logger, isPublic, refusedPeers, onRefused }),
    observer,
    unfinished: new UnfinishedCalls(requestTimeoutMs),
    maxMessageBytes,
    maxUnreadMs,
    nameStatus: (status) => nameTransportError(status, maxMessageBytes),
  };
}

/** Sets up that calls are refused when there is too much to do. @returns what admits a method's calls */
function admitTo(
  server: Server,
  overload: Overloading | undefined,
  observer: CallObserver,
): (method: DescMethod) => Admission | undefined {
  if (overload === undefined) return () => undefined;
  const { methods, limits } = overload;
  const admission = createAdmission({ limits, onRefused: observer.overloaded });
  observer.mayOverload();
  const paths = new Set(methods.map(pathOf));
  refuseEarly(server, { admission, governs: (path) => paths.has(path), onRefused: observer.refusedEarly });
  return (method) => (methods.includes(method) ? admission : undefined);
}

/** Health and reflection; whatever else is served needs credentials. */
function isPublic(path: string): boolean {
  return (
    path.startsWith('/grpc.health.v1.Health/') ||
    /^\/grpc\.reflection\.v1(alpha)?\.ServerReflection\//.test(path)
  );
}

/** @param answers gets what answers each unary method, by the method's path */
function implementation(
  { methods }: Route,
  answering: Answering,
  answers: Map<string, AnswerCall>,
): UntypedServiceImplementation {
  return Object.fromEntries(
    methods.map((method) => {
      const { desc } = method;
      if (method.kind === 'server_streaming') return [desc.localName, answerStream(method, answering)];
      const answer = answerCalls(method, answering);
      answers.set(pathOf(desc), answer);
      return [desc.localName, answerUnary(answer)];
    }),
  );
}

function serverOptions(limits: RpcLimits): ServerOptions {
  return {
    'grpc.max_receive_message_length': limits.maxMessageBytes,
    'grpc.max_concurrent_streams': limits.maxConcurrentStreams,
    'grpc.max_connection_idle_ms': limits.maxConnectionIdleMs,
    'grpc.max_connection_age_ms': limits.maxConnectionAgeMs,
    'grpc.max_connection_age_grace_ms': limits.maxConnectionAgeGraceMs,
    'grpc.keepalive_time_ms': limits.keepaliveTimeMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.enable_channelz': 0,
  };
}

/** What grpc-js would print on stderr by itself; whatever matters of it comes back as an error too. */
function quietGrpc(logger: Logger): void {
  const log = (message: unknown): void => logger.debug({ source: 'grpc-js' }, String(message));
  // Its traces print every header, tokens among them, whatever the log's level.
  setLogger({ error: log, info: log, debug: () => undefined });
}
