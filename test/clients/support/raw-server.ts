import { type Http2Server, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export interface RawServer {
  readonly address: string;
  readonly close: () => void;
}

/** Takes connections on a loopback port and leaves the bytes to the test. */
export async function startSocketServer(connected: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => sockets.delete(socket));
    connected(socket);
  });
  return await listen(server, () => {
    for (const socket of sockets) socket.destroy();
  });
}

/** Speaks HTTP/2 on a loopback port (any free one unless said) and leaves what is in it to the test. */
export async function startHttp2Server(
  respond: (stream: ServerHttp2Stream, path: string) => unknown,
  port = 0,
): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createHttp2Server();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('sessionError', () => undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    respond(stream, String(headers[':path']));
  });
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return await listen(server, drop, port);
}

/** A gRPC message as it goes over HTTP/2. */
export function frame(message: Uint8Array, { compressed = 0, length = message.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

async function listen(server: Server | Http2Server, drop: () => void, wanted = 0): Promise<RawServer> {
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(wanted, '127.0.0.1', resolve);
  await listening;
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    address: `127.0.0.1:${port}`,
    close() {
      server.close();
      drop();
    },
  };
}
