import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import { type Admission, type Overload, overloaded, OVERLOADS } from './admission.ts';
import { http2ServersOf } from './http2-servers.ts';
import { toStatusObject } from './status.ts';

export interface EarlyRefusal {
  readonly admission: Admission;
  /** Whether calls of the method at that path may be refused. */
  readonly governs: (path: string) => boolean;
  /** Told of every call that is refused here. */
  readonly onRefused: (path: string) => void;
}

type Headers = Readonly<Record<string, string>>;

/**
 * Refuses calls by their headers, before grpc-js has spent anything on them: a refusal must cost a fraction of an answer, or a server
 * that refuses most calls answers none.
 */
export function refuseEarly(server: Server, { admission, governs, onRefused }: EarlyRefusal): void {
  const answers = Object.fromEntries(OVERLOADS.map((why) => [why, responseOf(why)])) as Record<
    Overload,
    Headers
  >; // each of them
  for (const http2 of http2ServersOf(server)) {
    const handlers = http2.listeners('stream');
    http2.removeAllListeners('stream');
    http2.on('stream', (stream, headers, ...rest) => {
      const path = headers[':path'] ?? '';
      const why = governs(path) ? admission.arrive(leftMs(headers['grpc-timeout'])) : undefined;
      if (why === undefined) {
        for (const handler of handlers) Reflect.apply(handler, http2, [stream, headers, ...rest]);
      } else {
        onRefused(path);
        refuse(stream, answers[why]);
      }
    });
  }
}

/** The one block of headers that is the whole answer (gRPC's "Trailers-Only"). */
function responseOf(why: Overload): Headers {
  const { code, details, metadata } = toStatusObject(overloaded(why));
  return {
    [constants.HTTP2_HEADER_STATUS]: '200',
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc+proto',
    'grpc-status': String(code),
    'grpc-message': encodeURI(details),
    ...Object.fromEntries(
      Object.entries(metadata.toHttp2Headers()).map(([name, value]) => [name, String(value)]),
    ),
  };
}

function refuse(stream: ServerHttp2Stream, answer: Headers): void {
  stream.on('error', ignore); // whoever is refused may be gone already
  stream.respond(answer, { endStream: true });
  // To `close` it would wait for the end of the request, which takes half as long again.
  stream.destroy();
}

function ignore(): void {}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** How long the caller waits; what is no `grpc-timeout` is refused by grpc-js. */
export function leftMs(timeout: string | readonly string[] | undefined): number {
  const [, count, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(String(timeout)) ?? [];
  return count === undefined ? Number.POSITIVE_INFINITY : Number(count) * (unitMs[unit] ?? 1);
}
