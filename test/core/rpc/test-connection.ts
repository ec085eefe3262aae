import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { once } from 'node:events';

/** One call as bytes, and where to send it. */
interface RawCall {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Sends a call below every gRPC client, and reads the status from the HTTP/2 trailers themselves. */
export async function sendRaw({
  port,
  path,
  headers,
  body,
}: RawCall): Promise<{ readonly code: number; readonly message: string }> {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    const answer: Record<string, unknown> = {};
    stream.on('response', (received) => Object.assign(answer, received));
    stream.on('trailers', (received) => Object.assign(answer, received));
    stream.resume();
    const closed = once(stream, 'close');
    stream.end(body);
    await closed;
    return { code: Number(answer['grpc-status']), message: decodeURI(String(answer['grpc-message'])) };
  } finally {
    session.destroy();
  }
}

/** One gRPC message: a flag, its length, itself. */
export function frame(
  message: Buffer,
  options: { readonly isCompressed?: boolean; readonly length?: number } = {},
) {
  const head = Buffer.alloc(5);
  head.writeUInt8(options.isCompressed === true ? 1 : 0, 0);
  head.writeUInt32BE(options.length ?? message.byteLength, 1);
  return Buffer.concat([head, message]);
}
