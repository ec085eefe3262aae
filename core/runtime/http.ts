import { createServer, type RequestListener } from 'node:http';
import { isLoopback, parseAddress } from './address.ts';

/** Health over HTTP, for probes. */
export interface HealthServer {
  /**
   * Listens on a loopback `host:port`, port 0 = any free one.
   *
   * @returns the port
   * @throws Error when the address is malformed, taken or not loopback
   */
  listen(address: string): Promise<number>;
  /** Not ready from now on, whatever `isReady` says. */
  stopServing(): void;
  close(): Promise<void>;
}

/**
 * Answers `GET /healthz` (200 while the process lives) and `GET /readyz` (200 or 503).
 *
 * @param isReady asked at each `/readyz`
 */
export function createHealthServer(isReady: () => boolean): HealthServer {
  let stopped = false;
  const answering = answer(() => !stopped && isReady());
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, answering);
  return {
    async listen(text) {
      const address = parseAddress(text);
      if (address === undefined || !isLoopback(address.host)) {
        throw new Error(`cannot listen on "${text}": wanted a loopback address such as 127.0.0.1:2210`);
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server.once('error', (cause) =>
        reject(new Error(`cannot listen on ${text}: ${cause.message}`, { cause })),
      );
      server.listen(address, resolve);
      await promise;
      const bound = server.address();
      return bound !== null && typeof bound === 'object' ? bound.port : address.port;
    },
    stopServing() {
      stopped = true;
    },
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

function answer(isReady: () => boolean): RequestListener {
  const states: Readonly<Record<string, () => boolean>> = { '/healthz': () => true, '/readyz': isReady };
  return (request, response) => {
    const state = Object.hasOwn(states, request.url ?? '') ? states[request.url ?? ''] : undefined;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const code = state === undefined ? 404 : !isRead ? 405 : state() ? 200 : 503;
    const texts: Readonly<Record<number, string>> = {
      200: 'ok',
      404: 'not found',
      405: 'wanted GET',
      503: 'not ready',
    };
    response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
    response.end(`${texts[code]}\n`);
  };
}
