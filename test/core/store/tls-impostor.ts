import { createServer, connect as dial, type AddressInfo, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';

/** Somebody on the way to the database, who answers in its place. */
export interface Impostor {
  readonly port: number;
  /** What clients told it. */
  readonly heard: () => string;
  /** How many clients came. */
  readonly visits: () => number;
}

/** Its certificate and key; without them it says that the server knows no TLS. */
export interface ImpostorOptions {
  readonly pair?: { readonly cert: Buffer; readonly key: Buffer };
  /** Where it passes everything on, unencrypted. */
  readonly target: URL;
}

const SSL_REQUEST_BYTES = 8;

export async function startImpostor({ pair, target }: ImpostorOptions): Promise<Impostor> {
  let heard = '';
  let visits = 0;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  };
  const passOn = (near: Socket): void => {
    const far = dial(Number(target.port), target.hostname);
    keep(far);
    near.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
  };
  const server = createServer((near) => {
    visits += 1;
    keep(near);
    const onReadable = (): void => {
      // The first message asks whether the server knows TLS.
      if (near.read(SSL_REQUEST_BYTES) === null) return;
      near.off('readable', onReadable);
      near.write(pair === undefined ? 'N' : 'S');
      if (pair === undefined) return passOn(near);
      const secure = new TLSSocket(near, { isServer: true, ...pair });
      secure.on('error', () => near.destroy());
      passOn(secure);
    };
    near.on('readable', onReadable);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return { port, heard: () => heard, visits: () => visits };
}
