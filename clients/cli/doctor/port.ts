import { connect, type Socket } from 'node:net';

/** What is at an address. */
export type PortState =
  | { readonly state: 'free' }
  | { readonly state: 'unreachable'; readonly why: string }
  /** Something accepts connections; `says` is the beginning of what it answers, quoted. */
  | { readonly state: 'taken'; readonly says: string };

const patienceMs = 1_500;
const shownBytes = 60;

/** Connects to `host:port`, and asks in HTTP/1.1 who is there, which most servers answer somehow. */
export async function lookAtPort(address: string): Promise<PortState> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  const socket = connect({ host, port: Number(address.slice(at + 1)), timeout: patienceMs });
  const { promise, resolve } = Promise.withResolvers<PortState>();
  let heard = Buffer.alloc(0);
  let isConnected = false;
  const settle = (): void => resolve({ state: 'taken', says: quote(heard) });
  socket
    .on('connect', () => {
      isConnected = true;
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    })
    .on('data', (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.length >= shownBytes) settle();
    })
    .on('timeout', () =>
      isConnected ? settle() : resolve({ state: 'unreachable', why: 'no answer in time' }),
    )
    .on('close', settle)
    .on('error', (error: NodeJS.ErrnoException) => {
      if (isConnected) settle();
      else if (error.code === 'ECONNREFUSED') resolve({ state: 'free' });
      else resolve({ state: 'unreachable', why: error.message });
    });
  return await promise.finally(() => end(socket));
}

function end(socket: Socket): void {
  socket.removeAllListeners('close').destroy();
}

function quote(heard: Buffer): string {
  if (heard.length === 0) return 'nothing';
  const [line = ''] = heard.toString('latin1').split(/\r?\n/);
  return JSON.stringify(line.slice(0, shownBytes));
}
