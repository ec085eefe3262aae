import { once } from 'node:events';
import { createServer } from 'node:net';

const HOST = '127.0.0.1';

/**
 * A port of this machine that nobody listens on.
 * @param wanted 0 = any
 * @throws Error when it is taken
 */
export async function findPort(wanted: number): Promise<number> {
  const server = createServer();
  try {
    server.listen({ host: HOST, port: wanted, exclusive: true });
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
    return address.port;
  } catch (cause) {
    throw refusal(wanted, cause);
  } finally {
    server.close();
  }
}

function refusal(port: number, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') return portTaken(port, cause);
  if (code === 'EACCES')
    return new Error(`port ${port} is not ours to use: choose one above 1023`, { cause });
  return cause;
}

export function portTaken(port: number, cause?: unknown): Error {
  return new Error(
    `port ${port} is taken: stop what listens on ${HOST}:${port}, or choose another port (0 = any free one)`,
    { cause },
  );
}
