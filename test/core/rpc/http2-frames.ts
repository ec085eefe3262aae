import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Frames as RFC 9113 has them, so that tests can send what no HTTP/2 library would. */
export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  windowUpdate: 8,
  continuation: 9,
};
export const flag = { none: 0, endStream: 1, endHeaders: 4 };

interface Frame {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Buffer;
}

export function http2Frame({ type, flags = 0, stream = 0, payload = Buffer.alloc(0) }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  http2Frame({ type: frameType.settings }),
]);

/** A header block (RFC 7541): literals without indexing, no Huffman. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): readonly Buffer[] => {
    const bytes = Buffer.from(value);
    // A length of 127 or more goes on in the next bytes, seven bits each.
    const length = [Math.min(bytes.byteLength, 127)];
    for (let rest = bytes.byteLength - 127; rest >= 0; rest = rest < 128 ? -1 : rest >> 7)
      length.push(rest < 128 ? rest : (rest % 128) + 128);
    return [Buffer.from(length), bytes];
  };
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), ...text(name), ...text(value)]),
  );
}

export function callHeaders(path: string, headers: Readonly<Record<string, string>> = {}): Buffer {
  const fixed = { ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'localhost' };
  return headerBlock({ ...fixed, 'content-type': 'application/grpc', te: 'trailers', ...headers });
}

/** A connection that speaks HTTP/2 by hand: the preface is sent, and what comes back is thrown away. */
export async function dialHttp2(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined); // being thrown out is what the tests are about
  await once(socket, 'connect');
  socket.resume();
  socket.write(preface);
  return socket;
}

/** Writes as many of these as the peer takes; resolves when all are sent or the connection is over. */
export async function pour(socket: Socket, frames: Iterable<Buffer>): Promise<void> {
  const over = once(socket, 'close');
  for (const frame of frames) {
    if (socket.destroyed) return;
    if (!socket.write(frame)) await Promise.race([once(socket, 'drain'), over]);
  }
}
