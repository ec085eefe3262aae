import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import type { Address } from '../runtime/address.ts';
import type { Logger } from '../runtime/log.ts';
import type { TlsFiles } from '../runtime/tls-files.ts';
import { bind, readAddress } from './bind.ts';
import { watchConnections } from './connections.ts';
import type { RpcLimits } from './limits.ts';
import type { RefusedPeers } from './refused-peers.ts';
import type { TlsContext } from './tls.ts';
import { isSameAuthority, type WatchedTls, watchTlsFiles } from './tls-reload.ts';

export interface ListenerOptions {
  readonly server: Server;
  readonly limits: RpcLimits;
  readonly logger: Logger;
  readonly tls: TlsFiles | undefined;
  /** Told of certificates that TLS did not verify. */
  readonly refusedPeers: RefusedPeers;
}

/** Where connections come in. */
export interface Listener {
  /** @returns the port @throws Error when the address is malformed, taken, or not loopback without TLS */
  listen(address: string): Promise<number>;
  /** Takes the connections that another process accepts and hands over. */
  takeFrom(source: ConnectionSource): void;
  /** Takes no connection any more, sends the others home and cuts those that are left after the grace. */
  close(graceMs: number): Promise<void>;
}

/** Hands each connection over as it comes, before anything was read from it. */
export type ConnectionSource = (take: (socket: Socket) => void) => void;

/** Longer than anything lives: grpc-js would cut connections that came later as well, so ours are cut here. */
const never = 2 ** 31 - 1;

/**
 * Accepts connections and hands them to grpc-js, which keeps its own sockets to itself: silent ones could not be cut, and nobody could
 * say why a certificate is not accepted.
 *
 * @throws Error when the TLS files are not good
 */
export function createListener(options: ListenerOptions): Listener {
  const { server, limits, logger, tls, refusedPeers } = options;
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const watched = tls === undefined ? undefined : watchTlsFiles(tls, logger);
  const connections = watchConnections(limits);
  const listening: TcpServer[] = [];
  let isClosed = false;

  function take(socket: Socket): void {
    connections.watchHttp2(socket);
    injector.injectConnection(socket);
  }

  function sendHome(graceMs: number): void {
    injector.drain(never);
    connections.cutAfter(graceMs);
  }

  watched?.onChange((context, before) => {
    // Whoever the authorities of before let in must be let in anew.
    if (!isSameAuthority(context, before)) sendHome(limits.maxConnectionAgeGraceMs);
  });

  function createAccepting(): TcpServer {
    const accepting = createServer({ watched, limits, refusedPeers }, take);
    accepting.on('connection', (socket: Socket) => connections.add(socket));
    return accepting;
  }

  return {
    async listen(text) {
      const address = readAddress(text, tls);
      const accepting = createAccepting();
      const port = await bindWithin(limits, { accepting, address, logger });
      listening.push(accepting);
      return port;
    },
    takeFrom(source) {
      const accepting = createAccepting();
      source((socket) => {
        if (isClosed) socket.destroy();
        else accepting.emit('connection', socket);
      });
    },
    async close(graceMs) {
      isClosed = true;
      watched?.close();
      for (const accepting of listening) accepting.close();
      sendHome(graceMs);
      await connections.gone();
      injector.destroy();
      server.forceShutdown();
    },
  };
}

interface Binding extends Pick<ListenerOptions, 'logger'> {
  readonly accepting: TcpServer;
  readonly address: Address;
}

async function bindWithin(
  { maxConnections }: RpcLimits,
  { accepting, address, logger }: Binding,
): Promise<number> {
  accepting.maxConnections = maxConnections;
  accepting.once('drop', () => logger.warn({ maxConnections }, 'too many connections: some are dropped'));
  const port = await bind(accepting, address);
  accepting.on('error', (error) => logger.error({ err: error }, 'a connection cannot be accepted'));
  return port;
}

interface Accepting extends Pick<ListenerOptions, 'limits' | 'refusedPeers'> {
  readonly watched: WatchedTls | undefined;
}

function createServer({ watched, ...rest }: Accepting, take: (socket: Socket) => void): TcpServer {
  return watched === undefined
    ? createTcpServer({ noDelay: true }, take)
    : createSecureServer({ ...rest, watched }, take);
}

interface Secure extends Accepting {
  readonly watched: WatchedTls;
}

function createSecureServer(
  { watched, limits, refusedPeers }: Secure,
  take: (socket: TLSSocket) => void,
): TlsServer {
  const fixed = { ALPNProtocols: ['h2'], handshakeTimeout: limits.handshakeTimeoutMs, noDelay: true };
  // A client certificate is asked for and never demanded: a caller may bring a token instead. One that does not verify counts as none.
  const client = { requestCert: watched.context.ca !== undefined, rejectUnauthorized: false };
  const accepting = createTlsServer({ ...fixed, ...client, ...secureContext(watched.context) }, (socket) => {
    if (socket.alpnProtocol === 'h2') {
      refusedPeers.note(socket);
      take(socket);
    } else {
      socket.destroy();
    }
  });
  // Node leaves a connection open whose handshake failed or took too long.
  accepting.on('tlsClientError', (_error, socket) => socket.destroy());
  watched.onChange((context) => accepting.setSecureContext(secureContext(context)));
  return accepting;
}

/** `setSecureContext` forgets what it is not told again, the lowest version of TLS too. */
function secureContext(context: TlsContext) {
  return { ...context, minVersion: 'TLSv1.2' as const };
}
