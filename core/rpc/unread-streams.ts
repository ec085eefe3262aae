import { constants, type ServerHttp2Stream } from 'node:http2';
import type { ServerInterceptor } from '@grpc/grpc-js';

type Method = Parameters<ServerInterceptor>[0];
type Call = Parameters<ServerInterceptor>[1];

/**
 * Resets a stream of answers of which the client has not taken one for so long: it would keep its place, and what waits to be sent,
 * for as long as its connection. The client sees RESOURCE_EXHAUSTED.
 *
 * @param call the innermost one, which has the HTTP/2 stream
 */
export function cutUnread(method: Method, call: Call, maxUnreadMs: number): Call {
  if (!method.responseStream) return call;
  const stream = Reflect.get(call, 'stream') as ServerHttp2Stream; // grpc-js keeps it there; a test would tell
  const send = call.sendMessage.bind(call);
  let unsent = 0;
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    timer =
      unsent === 0 || stream.closed
        ? undefined
        : setTimeout(() => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM), maxUnreadMs);
  };
  stream.once('close', () => clearTimeout(timer));
  call.sendMessage = (message, callback) => {
    unsent += 1;
    if (timer === undefined) wait();
    send(message, () => {
      unsent -= 1;
      wait();
      callback();
    });
  };
  return call;
}
