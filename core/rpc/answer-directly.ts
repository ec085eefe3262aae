import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import type { AnswerCall } from './answer.ts';
import type { Authentication } from './authenticate.ts';
import { DirectCall, type DirectPassage } from './direct-call.ts';
import { http2ServersOf } from './http2-servers.ts';
import { leftMs } from './refuse-early.ts';

/** What decides whether a call is direct, and what such calls have in common. */
export interface DirectOptions extends DirectPassage {
  readonly authentication: Pick<Authentication, 'recall'>;
  /** By the path of the method. */
  readonly answers: ReadonlyMap<string, AnswerCall>;
}

/**
 * Answers plain unary calls of callers who have called on that connection before without grpc-js, whose objects and promises for each call
 * cost as much as to answer one. All others it gets.
 */
export function answerDirectly(server: Server, options: DirectOptions): void {
  const opened = Reflect.get(server, 'onStreamOpened') as (stream: ServerHttp2Stream) => void; // by which grpc-js knows that a connection is not idle
  for (const http2 of http2ServersOf(server)) {
    const handlers = http2.listeners('stream');
    http2.removeAllListeners('stream');
    http2.on('stream', (stream, headers, ...rest) => {
      const call = directCall(options, stream, headers);
      if (call === undefined) {
        for (const handler of handlers) Reflect.apply(handler, http2, [stream, headers, ...rest]);
      } else {
        Reflect.apply(opened, server, [stream]);
        call.start(headers);
      }
    });
  }
}

function directCall(
  options: DirectOptions,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): DirectCall | undefined {
  const path = headers[':path'] ?? '';
  const answer = options.answers.get(path);
  const { session, destroyed } = stream;
  if (answer === undefined || session === undefined || destroyed || !isPlain(headers)) return undefined;
  const { authorization } = headers;
  const caller =
    authorization === undefined ? undefined : options.authentication.recall(session, authorization);
  return caller === undefined
    ? undefined
    : new DirectCall(options, { stream, path, caller, authorization, answer });
}

/** Whether nothing in it is grpc-js's to refuse or to unpack. */
function isPlain(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['grpc-encoding'];
  const timeout = headers['grpc-timeout'];
  return (
    headers['content-type']?.startsWith('application/grpc') === true &&
    (encoding === undefined || encoding === 'identity') &&
    (timeout === undefined || leftMs(timeout) < LONGEST_TIMEOUT_MS)
  );
}

/** Of Node's timers. */
const LONGEST_TIMEOUT_MS = 2 ** 31;
