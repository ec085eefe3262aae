import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { isLoopback, parseAddress } from './address.ts';

/** Health and metrics over HTTP, for probes and scrapers on this machine. */
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

export interface HealthServerOptions {
  /** Asked at each `/readyz`. */
  readonly isReady: () => boolean;
  /** Prometheus' text format, asked for at each `/metrics`; without it there is no such page. */
  readonly metricsPage?: () => Promise<string>;
}

/** Answers `GET /healthz` (200 while the process lives), `GET /readyz` (200 or 503) and `GET /metrics`. */
export function createHealthServer(options: HealthServerOptions): HealthServer {
  let stopped = false;
  const answering = answer({ ...options, isReady: () => !stopped && options.isReady() });
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

const texts: Readonly<Record<number, string>> = {
  200: 'ok',
  404: 'not found',
  405: 'wanted GET',
  500: 'the metrics could not be collected',
  503: 'not ready',
};

function answer({ isReady, metricsPage }: HealthServerOptions): RequestListener {
  const states: Readonly<Record<string, () => boolean>> = { '/healthz': () => true, '/readyz': isReady };
  return (request, response) => {
    const path = request.url ?? '';
    const state = Object.hasOwn(states, path) ? states[path] : undefined;
    const page = path === '/metrics' ? metricsPage : undefined;
    if (state === undefined && page === undefined) send(response, 404);
    else if (request.method !== 'GET' && request.method !== 'HEAD') send(response, 405);
    else if (page === undefined) send(response, state?.() === true ? 200 : 503);
    else
      page().then(
        (text) => send(response, 200, { type: 'text/plain; version=0.0.4; charset=utf-8', text }),
        () => send(response, 500),
      );
  };
}

interface Page {
  readonly type: string;
  readonly text: string;
}

function send(response: ServerResponse, code: number, page?: Page): void {
  const { type, text } = page ?? { type: 'text/plain; charset=utf-8', text: texts[code] };
  response.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(`${text}\n`);
}
