import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way from one service to the database that can fail as networks do. */
export interface Link {
  /** The database by this way. */
  readonly through: (url: string) => string;
  /** Every chunk is so much late from now on. */
  readonly delay: (ms: number) => void;
  /** Resets every connection; new ones are whole. */
  readonly cut: () => void;
  /** Nothing comes through any more, and nobody is told; new connections hang too. */
  readonly hang: () => void;
  /** What hung is reset, delays end. */
  readonly mend: () => void;
  readonly close: () => Promise<void>;
}

export async function openLink(targetPort: number): Promise<Link> {
  const sockets = new Set<Socket>();
  let delayMs = 0;
  let hangs = false;
  const carry = (from: Socket, to: Socket): void => {
    from.on('data', (chunk) => {
      if (hangs) return;
      const send = (): boolean => !hangs && to.writable && to.write(chunk);
      if (delayMs === 0) send();
      else setTimeout(send, delayMs);
    });
    from.on('error', () => from.destroy()).on('close', () => (sockets.delete(from), to.destroy()));
  };
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    for (const socket of [near, far]) sockets.add(socket.setNoDelay(true));
    carry(near, far);
    carry(far, near);
  });
  const port = await listen(server);
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    through: (url) => Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href,
    delay: (ms) => {
      delayMs = ms;
    },
    cut,
    hang: () => {
      hangs = true;
    },
    mend: () => {
      if (hangs) cut();
      hangs = false;
      delayMs = 0;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port; // it listens on TCP
}
