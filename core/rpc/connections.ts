import type { Socket } from 'node:net';
import type { RpcLimits } from './limits.ts';

/** The connections of a server, each until it is closed. */
export interface Connections {
  /** Takes note of a connection as it is accepted. */
  add(socket: Socket): void;
  /** Watches a connection that HTTP/2 is to be spoken on from now: over TLS another socket than the accepted one. */
  watchHttp2(socket: Socket): void;
  /** Those open now are cut when they are still open after this many milliseconds. */
  cutAfter(graceMs: number): void;
  /** Resolves when none is open. */
  gone(): Promise<void>;
}

/** The client's preface (RFC 9113 §3.4) and the head of the SETTINGS frame that must follow. */
const prefaceBytes = 24 + 9;

type Limits = Pick<RpcLimits, 'handshakeTimeoutMs' | 'lingerMs'>;

/** Keeps connections in bounds that neither HTTP/2 nor grpc-js has: silence before the first frame, and peers that never close. */
export function watchConnections({ handshakeTimeoutMs, lingerMs }: Limits): Connections {
  const open = new Set<Socket>();
  const waiting: (() => void)[] = [];

  function forget(socket: Socket): void {
    open.delete(socket);
    if (open.size === 0) {
      for (const resolve of waiting.splice(0)) resolve();
    }
  }

  return {
    add(socket) {
      open.add(socket);
      socket.on('error', () => undefined); // a peer that resets its connection is no fault of ours; 'close' follows
      socket.once('close', () => forget(socket));
    },
    watchHttp2(socket) {
      socket.on('error', () => undefined); // likewise
      const cutSilent = (): void => void (socket.bytesRead < prefaceBytes && socket.destroy());
      const silence = setTimeout(cutSilent, handshakeTimeoutMs).unref();
      // Half of a connection may stay open for as long as the peer likes: the session is gone, the socket is not.
      let linger: NodeJS.Timeout | undefined;
      socket.once('finish', () => (linger = setTimeout(() => socket.destroy(), lingerMs).unref()));
      socket.once('close', () => {
        clearTimeout(silence);
        clearTimeout(linger);
      });
    },
    cutAfter(graceMs) {
      const now = [...open];
      const cut = (): void => {
        for (const socket of now) socket.destroy();
      };
      setTimeout(cut, graceMs).unref();
    },
    async gone() {
      if (open.size > 0) await new Promise<void>((resolve) => void waiting.push(resolve));
    },
  };
}
