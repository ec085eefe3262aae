import { createServer } from 'node:net';
import type { Logger } from '../runtime/log.ts';
import type { TlsFiles } from '../runtime/tls-files.ts';
import { chooseWorker } from '../runtime/workers/choose-worker.ts';
import type { WorkerProcess } from '../runtime/workers/worker-process.ts';
import { bind, readAddress } from './bind.ts';
import { defaultLimits } from './limits.ts';

export interface FrontDoorOptions {
  /** Those of now. */
  readonly workers: () => readonly WorkerProcess[];
  /** The workers', who read and use them; here they only tell whether others than this machine may connect. */
  readonly tls: TlsFiles | undefined;
  readonly logger: Logger;
}

/** The one port of several workers. */
export interface FrontDoor {
  readonly port: number;
  /** Takes no connection any more. */
  close(): void;
}

/**
 * Accepts the connections and gives each to one worker, unread. (Sockets of the workers' own on one port, by SO_REUSEPORT, get connections by a hash
 * of the addresses: of two workers one often has all of a client's few.)
 * @throws Error when the address is malformed, taken, or not loopback without TLS
 */
export async function openFrontDoor(text: string, options: FrontDoorOptions): Promise<FrontDoor> {
  const { workers, tls, logger } = options;
  const { maxConnections } = defaultLimits;
  let isFull = false;
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    socket.on('error', () => undefined); // a peer that resets its connection is no fault of ours
    const worker = chooseWorker(workers());
    if (worker !== undefined && worker.connections < maxConnections) return worker.give(socket);
    socket.destroy();
    if (!isFull) logger.warn({ maxConnections }, 'no worker takes another connection: some are dropped');
    isFull = true;
  });
  const port = await bind(server, readAddress(text, tls));
  server.on('error', (error) => logger.error({ err: error }, 'a connection cannot be accepted'));
  return { port, close: () => void server.close() };
}
