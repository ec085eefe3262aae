import type { TLSSocket } from 'node:tls';

/** Both ends of a connection, as grpc-js tells them of a call. */
interface Ends {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** The open connections whose peers brought a certificate that TLS did not verify. */
export interface RefusedPeers {
  note(socket: TLSSocket): void;
  /** OpenSSL's name of the problem (`CERT_HAS_EXPIRED`); undefined when there is none. */
  whyOf(ends: Ends): string | undefined;
}

/** grpc-js tells handlers of verified certificates only: by it, one that has expired looks like none. */
export function createRefusedPeers(): RefusedPeers {
  const reasons = new Map<string, string>();
  return {
    note(socket) {
      if (socket.authorized || socket.getPeerX509Certificate() === undefined) {
        return;
      }
      const key = keyOf(socket);
      reasons.set(key, String(socket.authorizationError));
      socket.once('close', () => reasons.delete(key));
    },
    whyOf: (ends) => (reasons.size === 0 ? undefined : reasons.get(keyOf(ends))),
  };
}

function keyOf({ localAddress, localPort, remoteAddress, remotePort }: Ends): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}
