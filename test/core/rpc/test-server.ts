import { once } from 'node:events';
import type { Server } from 'node:http';
import { AccessError } from '../../../core/access/access-error.ts';
import { createIdentify, type ResolveCaller } from '../../../core/rpc/identity.ts';
import { type Handlers, type Route, route } from '../../../core/rpc/route.ts';
import { createRpcServer, type RpcServer, type RpcServerOptions } from '../../../core/rpc/serve.ts';
import { pino } from 'pino';
import { createLogger, type Logger } from '../../../core/runtime/log.ts';
import { DecisionService, Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { connect, type TestClient } from './test-client.ts';
import type { TestIssuer } from './test-issuer.ts';

/** A directory of two: Ada, a person, and the CI, a service. */
export const resolveAdaAndCi: ResolveCaller = ({ id, type, by }) => {
  if (by === 'certificate') {
    return id === 'ci' ? { type: 'Service', id } : undefined;
  }
  return id === 'ada' && (type ?? 'User') === 'User' ? { type: 'User', id } : undefined;
};

/** Allows everything to Ada, says who asked, and how large the question was. */
export function decisionRoute(handlers: Partial<Handlers<typeof DecisionService>> = {}): Route {
  return route(
    DecisionService,
    {
      authorize: async (_request, { caller, requestBytes }) => ({
        effect: Effect.ALLOW,
        decisionId: `${caller.uid.type}/${caller.uid.id}`,
        revision: BigInt(requestBytes),
      }),
      batchAuthorize: async () => ({}),
      async *watchChanges() {},
      getStatus: async () => ({ ready: true }),
      ...handlers,
    },
    { validate: false },
  );
}

export function grantRoute(handlers: Partial<Handlers<typeof GrantService>>): Route {
  const others = Object.fromEntries(
    GrantService.methods.map(({ localName }) => [
      localName,
      () => {
        throw new AccessError('NOT_READY', 'not part of this test');
      },
    ]),
  );
  const all = { ...others, ...handlers };
  return route(GrantService, all as Handlers<typeof GrantService>); // every method is in `others`
}

export interface TestServer {
  readonly server: RpcServer;
  readonly port: number;
}

export async function startServer(
  issuer: TestIssuer,
  options: Partial<RpcServerOptions> = {},
): Promise<TestServer> {
  const server = createRpcServer({
    routes: [decisionRoute()],
    identify: createIdentify({ issuers: [issuer.issuer], resolveCaller: resolveAdaAndCi }),
    logger: createLogger('test', 'silent'),
    ...options,
  });
  return { server, port: await server.listen('127.0.0.1:0') };
}

/** A logger whose lines a test can read. */
export function collectLogs(): { readonly logger: Logger; readonly lines: () => readonly unknown[] } {
  const lines: unknown[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const logger = pino({ formatters: { level: (level) => ({ level }) } }, destination);
  return { logger, lines: () => lines };
}

/** Lets an HTTP server listen on a free loopback port. */
export async function listenLocally(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('wanted a TCP port');
  }
  return address.port;
}

/** A server and its client for one test at a time. */
export interface Stage {
  /** Starts a server. */
  readonly serve: (options: Partial<RpcServerOptions>) => Promise<TestClient>;
  /** The server that `serve` started. */
  readonly started: () => TestServer;
  /** Closes both, if they are not closed yet. */
  readonly clear: () => Promise<void>;
}

export function createStage(issuer: () => TestIssuer): Stage {
  let current: { readonly server: TestServer; readonly client: TestClient } | undefined;
  return {
    async serve(options) {
      const server = await startServer(issuer(), options);
      current = { server, client: connect(server.port) };
      return current.client;
    },
    started() {
      if (current === undefined) {
        throw new Error('nothing was started');
      }
      return current.server;
    },
    async clear() {
      current?.client.close();
      await current?.server.server.close();
      current = undefined;
    },
  };
}
