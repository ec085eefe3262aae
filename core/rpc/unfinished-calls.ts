import { constants, type ServerHttp2Stream } from 'node:http2';
import type { ServerInterceptor } from '@grpc/grpc-js';
import { AccessError } from '../access/access-error.ts';
import { toStatusObject } from './status.ts';

type Method = Parameters<ServerInterceptor>[0];
type Call = Parameters<ServerInterceptor>[1];

/**
 * Sees to it that calls whose request never ends do not stay for as long as their connection, which they would keep from being idle:
 * one that is refused before its end is reset as RFC 9113 §8.1 says, and one that does not end in time is refused.
 *
 * @param call the innermost one; grpc-js does neither, and only it has the HTTP/2 stream
 */
export function endUnfinished(method: Method, call: Call, requestTimeoutMs: number): Call {
  const stream = Reflect.get(call, 'stream') as ServerHttp2Stream; // grpc-js keeps it there; a test of D21 would tell
  const send = call.sendStatus.bind(call);
  call.sendStatus = (status) => {
    if (!stream.readableEnded && !stream.headersSent) {
      stream.once('finish', () => {
        if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
      });
    }
    send(status);
  };
  if (!method.requestStream) {
    const refuse = (): void => {
      if (!stream.readableEnded) call.sendStatus(toStatusObject(late(requestTimeoutMs)));
    };
    const timer = setTimeout(refuse, requestTimeoutMs);
    stream.once('close', () => clearTimeout(timer));
  }
  return call;
}

function late(requestTimeoutMs: number): AccessError {
  const message = `the request did not end within ${requestTimeoutMs} ms of its headers; send it at once`;
  return new AccessError('FIELD_INVALID', message);
}
