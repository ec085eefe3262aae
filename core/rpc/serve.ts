import { setMaxListeners } from 'node:events';
import {
  Server,
  ServerCredentials,
  type ServerOptions,
  setLogger,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { createNoopMeter, type Meter } from '@opentelemetry/api';
import { type Address, formatAddress, isLoopback, parseAddress } from '../runtime/address.ts';
import type { Logger } from '../runtime/log.ts';
import type { TlsFiles } from '../runtime/tls-files.ts';
import { type Answering, answerStream, answerUnary } from './answer.ts';
import { createAuthentication } from './authenticate.ts';
import { createHealth } from './health.ts';
import type { Identify } from './identity.ts';
import { observeCalls } from './observe-calls.ts';
import { addReflection } from './reflection.ts';
import type { Route } from './route.ts';
import { serviceDefinition } from './service-definition.ts';
import { tlsCredentials } from './tls.ts';
import { nameTransportError } from './transport-errors.ts';
import { createValidateMessage } from './validate.ts';

/** What one server takes; grpc-js's own defaults are "no limit" for nearly all of these. */
interface RpcLimits {
  /** Bytes of one message in, decompressed. */
  readonly maxMessageBytes: number;
  /** Calls at once on one connection. */
  readonly maxConcurrentStreams: number;
  /** A connection without calls is closed after this. */
  readonly maxConnectionIdleMs: number;
  /** A connection is closed after this, so that clients spread over replicas again. */
  readonly maxConnectionAgeMs: number;
  /** How long its calls may then go on. */
  readonly maxConnectionAgeGraceMs: number;
  /** How often a silent peer is asked whether it lives. */
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  /** How long `close` lets calls finish. */
  readonly closeGraceMs: number;
}

const defaultLimits: RpcLimits = {
  maxMessageBytes: 1_048_576,
  maxConcurrentStreams: 256,
  maxConnectionIdleMs: 300_000,
  maxConnectionAgeMs: 3_600_000,
  maxConnectionAgeGraceMs: 60_000,
  keepaliveTimeMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  closeGraceMs: 5_000,
};

export interface RpcServerOptions {
  readonly routes: readonly Route[];
  readonly identify: Identify;
  readonly logger: Logger;
  readonly limits?: Partial<RpcLimits>;
  /** Where calls are counted; nowhere unless given. */
  readonly meter?: Meter;
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
  /** Not serving at once, streams end, calls finish; what has not after `closeGraceMs` is cut. */
  readonly close: () => Promise<void>;
}

/** Builds the server; it answers nothing before `listen`. */
export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { routes, logger, tls } = options;
  const limits = { ...defaultLimits, ...options.limits };
  quietGrpc(logger);
  const { interceptors, callerOf, within } = createInterceptors(options, limits);
  const server = new Server({ ...serverOptions(limits), interceptors });
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // one for each open stream
  const bound: string[] = [];
  const services = routes.map(({ service }) => service);
  const health = createHealth(['', ...services.map(({ typeName }) => typeName)]);
  health.addTo(server);
  addReflection(server, services);
  const checked = routes.filter(({ validate }) => validate).flatMap(({ methods }) => methods);
  const validate = createValidateMessage(checked.map(({ desc }) => desc.input));
  for (const route of routes) {
    const answering = {
      callerOf,
      within,
      logger,
      validate: route.validate ? validate : undefined,
      closing: closing.signal,
    };
    server.addService(serviceDefinition(route.service), implementation(route, answering));
  }
  return {
    async listen(text) {
      const address = readAddress(text, tls);
      const port = await bind(server, address, tls);
      bound.push(formatAddress({ host: address.host, port }));
      return port;
    },
    setServing: (service, serving) => health.setServing(service, serving),
    async close() {
      health.close();
      closing.abort();
      await shutDown(server, bound, limits.closeGraceMs);
    },
  };
}

function createInterceptors({ identify, logger, meter }: RpcServerOptions, { maxMessageBytes }: RpcLimits) {
  const observer = observeCalls({
    meter: meter ?? createNoopMeter(),
    isTraced: (path) => !isPublic(path),
    nameStatus: (status) => nameTransportError(status, maxMessageBytes),
  });
  const authentication = createAuthentication({ identify, logger, isPublic, onRefused: observer.refused });
  return {
    // The last is the outermost: calls are observed, and transport errors named, below the caller's identification.
    interceptors: [observer.interceptor, authentication.interceptor],
    callerOf: authentication.callerOf,
    within: observer.within,
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
  // Its traces print every header, tokens among them, whatever the log's level.
  setLogger({ error: log, info: log, debug: () => undefined });
}

function readAddress(text: string, tls: TlsFiles | undefined): Address {
  const address = parseAddress(text);
  if (address === undefined) {
    throw new Error(`cannot listen on "${text}": wanted an address such as 127.0.0.1:2200 or [::1]:2200`);
  }
  if (tls === undefined && !isLoopback(address.host)) {
    const wanted =
      'without TLS wanted a loopback address such as 127.0.0.1; set CURFEW_TLS_CERT and CURFEW_TLS_KEY';
    throw new Error(`cannot listen on ${text}: ${wanted}`);
  }
  return address;
}

async function bind(server: Server, address: Address, tls: TlsFiles | undefined): Promise<number> {
  const text = formatAddress(address);
  const credentials = tls === undefined ? ServerCredentials.createInsecure() : tlsCredentials(tls);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync(text, credentials, (cause, port) => {
    if (cause === null) {
      resolve(port);
    } else {
      reject(new Error(`cannot listen on ${text}: ${cause.message}`, { cause }));
    }
  });
  return await promise;
}

/** Not with `forceShutdown`: without channelz grpc-js forgets to tell it the connections, and it cuts none. */
async function shutDown(server: Server, addresses: readonly string[], graceMs: number): Promise<void> {
  for (const address of addresses) {
    server.drain(address, graceMs);
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  server.tryShutdown(() => resolve());
  await promise;
}
