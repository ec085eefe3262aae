import { setMaxListeners } from 'node:events';
import {
  Server,
  type ServerInterceptor,
  type ServerOptions,
  setLogger,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from '../runtime/log.ts';
import type { TlsFiles } from '../runtime/tls-files.ts';
import { type Answering, answerStream, answerUnary } from './answer.ts';
import { createAuthentication } from './authenticate.ts';
import { createHealth } from './health.ts';
import type { Identify } from './identity.ts';
import { defaultLimits, type RpcLimits } from './limits.ts';
import { createListener } from './listen.ts';
import { nameTransportErrors } from './transport-errors.ts';
import { addReflection } from './reflection.ts';
import { createRefusedPeers } from './refused-peers.ts';
import type { Route } from './route.ts';
import { serviceDefinition } from './service-definition.ts';
import { endUnfinished } from './unfinished-calls.ts';
import { createValidateMessage } from './validate.ts';

export interface RpcServerOptions {
  readonly routes: readonly Route[];
  readonly identify: Identify;
  readonly logger: Logger;
  readonly limits?: Partial<RpcLimits>;
  /** Without it the server listens on loopback only. */
  readonly tls?: TlsFiles | undefined;
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
  const { identify } = options;
  const authentication = createAuthentication({ identify, logger, isPublic, refusedPeers });
  const nameErrors = nameTransportErrors(limits.maxMessageBytes);
  const transport: ServerInterceptor = (method, call) =>
    nameErrors(method, endUnfinished(method, call, limits.requestTimeoutMs));
  // The last is the outermost: transport errors are named below the caller's identification.
  const interceptors = [transport, authentication.interceptor];
  const server = new Server({ ...serverOptions(limits), interceptors });
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // one for each open stream
  const listener = createListener({ server, limits, logger, tls, refusedPeers });
  const services = routes.map(({ service }) => service);
  const health = createHealth(['', ...services.map(({ typeName }) => typeName)]);
  health.addTo(server);
  addReflection(server, services);
  const checked = routes.filter(({ validate }) => validate).flatMap(({ methods }) => methods);
  const validate = createValidateMessage(checked.map(({ desc }) => desc.input));
  for (const route of routes) {
    const answering = {
      callerOf: authentication.callerOf,
      logger,
      validate: route.validate ? validate : undefined,
      closing: closing.signal,
    };
    server.addService(serviceDefinition(route.service), implementation(route, answering));
  }
  return {
    listen: (address) => listener.listen(address),
    setServing: (service, serving) => health.setServing(service, serving),
    stopServing: () => health.stopServing(),
    async close() {
      health.close();
      closing.abort();
      await listener.close(limits.closeGraceMs);
    },
  };
}

/** Health and reflection; whatever else is served needs credentials. */
function isPublic(path: string): boolean {
  return (
    path.startsWith('/grpc.health.v1.Health/') ||
    /^\/grpc\.reflection\.v1(alpha)?\.ServerReflection\//.test(path)
  );
}

function implementation(route: Route, answering: Answering): UntypedServiceImplementation {
  return Object.fromEntries(
    route.methods.map((method) => [
      method.desc.localName,
      method.kind === 'unary' ? answerUnary(method, answering) : answerStream(method, answering),
    ]),
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
  setLogger({ error: log, info: log, debug: log });
}
