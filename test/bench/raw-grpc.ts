import { type ClientHttp2Session, connect, constants } from 'node:http2';

/** Unary gRPC calls with as little work of our own as can be, so that a load generator measures the server. */
export interface RawGrpc {
  /** Sends one encoded message. @returns the encoded answer @throws Error with the gRPC status when it is not OK */
  call(path: string, message: Uint8Array): Promise<Buffer>;
  close(): void;
}

/** @param connections calls are spread over so many */
export function openRaw(address: string, token: string, connections: number): RawGrpc {
  const sessions = Array.from({ length: connections }, () => connect(`http://${address}`));
  let turn = 0;
  return {
    call: (path, message) => {
      turn = (turn + 1) % sessions.length;
      const session = sessions[turn];
      if (session === undefined) throw new Error('no connection');
      return callOnce(session, { path, message, token });
    },
    close: () => {
      for (const session of sessions) session.close();
    },
  };
}

interface RawCall {
  readonly path: string;
  readonly message: Uint8Array;
  readonly token: string;
}

const PREFIX_BYTES = 5;

function callOnce(session: ClientHttp2Session, { path, message, token }: RawCall): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: path,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    [constants.HTTP2_HEADER_AUTHORIZATION]: `Bearer ${token}`,
    [constants.HTTP2_HEADER_TE]: 'trailers',
  });
  const chunks: Buffer[] = [];
  let status: string | undefined;
  const read = (headers: Readonly<Record<string, unknown>>): void => {
    if (headers['grpc-status'] === undefined) return;
    status = String(headers['grpc-status']);
    if (status !== '0') reject(new Error(`grpc-status ${status}: ${String(headers['grpc-message'])}`));
  };
  stream.on('response', read).on('trailers', read);
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', reject);
  stream.on('close', () => {
    if (status === undefined) reject(new Error('the call ended without a status'));
    else resolve(Buffer.concat(chunks).subarray(PREFIX_BYTES));
  });
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  stream.end(frame);
  return promise;
}
