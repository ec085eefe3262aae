import { createServer, connect as dial, type AddressInfo, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A way to the database that can be cut, as networks are. */
export interface TcpProxy {
  /** The same database, by this way. */
  readonly through: (url: string) => string;
  /** Resets every connection and refuses new ones. */
  readonly cut: () => Promise<void>;
  /** Takes new connections again, at the same address. */
  readonly mend: () => Promise<void>;
  /** Lets the connections of now hang: they stay open and nothing comes through any more. New ones are whole. */
  readonly hang: () => void;
  /** How many clients are connected. */
  readonly connections: () => number;
}

export async function tcpProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const open = (port: number): Promise<Server> => {
    const server = createServer((near) => {
      const far = dial(Number(target.port), target.hostname);
      track(near).pipe(track(far)).pipe(near);
      clients.add(near);
      near.on('close', () => clients.delete(near) && far.destroy());
      far.on('close', () => near.destroy());
    });
    return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
  };
  let server = await open(0);
  const { port } = server.address() as AddressInfo; // it listens on TCP
  const cut = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  };
  onTestFinished(cut);
  return {
    through: (url) => {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String(port);
      return through.href;
    },
    cut,
    mend: async () => {
      server = await open(port);
    },
    hang: () => {
      // What comes in is thrown away, so that an end is still seen.
      for (const socket of sockets) socket.unpipe().resume();
    },
    connections: () => clients.size,
  };
}
