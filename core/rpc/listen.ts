import { once } from 'node:events';
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { type Address, formatAddress, isLoopback, parseAddress } from '../runtime/address.ts';
import type { Logger } from '../runtime/log.ts';
import type { TlsFiles } from '../runtime/tls-files.ts';
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
  /** Takes no connection any more, sends the others home and cuts those that are left after the grace. */
  close(graceMs: number): Promise<void>;
}

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

  function takePlain(socket: Socket): void {
    connections.watchHttp2(socket);
    injector.injectConnection(socket);
  }

  function takeTls(socket: TLSSocket): void {
    if (socket.alpnProtocol !== 'h2') {
      socket.destroy();
      return;
    }
    refusedPeers.note(socket);
    takePlain(socket);
  }

  watched?.onChange((context, before) => {
    if (!isSameAuthority(context, before)) {
      // Whoever the authorities of before let in must be let in anew.
      connections.cutAfter(limits.maxConnectionAgeGraceMs);
      injector.drain(never);
    }
  });

  return {
    async listen(text) {
      const address = readAddress(text, tls);
      const accepting =
        watched === undefined
          ? createTcpServer({ noDelay: true }, takePlain)
          : createSecureServer(watched, limits, takeTls);
      accepting.maxConnections = limits.maxConnections;
      accepting.on('connection', (socket: Socket) => connections.add(socket));
      accepting.on('drop', () => logger.debug('too many connections: one was dropped'));
      const port = await bind(accepting, address);
      listening.push(accepting);
      return port;
    },
    async close(graceMs) {
      watched?.close();
      for (const accepting of listening) {
        accepting.close();
      }
      connections.cutAfter(graceMs);
      injector.drain(never);
      await connections.gone();
      injector.destroy();
      server.forceShutdown();
    },
  };
}

function createSecureServer(
  watched: WatchedTls,
  { handshakeTimeoutMs: handshakeTimeout }: RpcLimits,
  take: (socket: TLSSocket) => void,
): TlsServer {
  const fixed = { ALPNProtocols: ['h2'], handshakeTimeout, noDelay: true };
  // A client certificate is asked for and never demanded: a caller may bring a token instead. One that does not verify counts as none.
  const client = { requestCert: watched.context.ca !== undefined, rejectUnauthorized: false };
  const accepting = createTlsServer({ ...fixed, ...client, ...secureContext(watched.context) }, take);
  // Node leaves a connection open whose handshake failed or took too long.
  accepting.on('tlsClientError', (_error, socket) => socket.destroy());
  watched.onChange((context) => accepting.setSecureContext(secureContext(context)));
  return accepting;
}

/** `setSecureContext` forgets what it is not told again, the lowest version of TLS too. */
function secureContext(context: TlsContext) {
  return { ...context, minVersion: 'TLSv1.2' as const };
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

async function bind(accepting: TcpServer, address: Address): Promise<number> {
  try {
    accepting.listen(address);
    await once(accepting, 'listening');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot listen on ${formatAddress(address)}: ${why}`, { cause });
  }
  const bound = accepting.address();
  return bound !== null && typeof bound === 'object' ? bound.port : address.port;
}
