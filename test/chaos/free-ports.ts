import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Ports of which a connection that somebody opens is never given one (Linux does so from 32,768 on): a service that is killed finds
 * its own again.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** So many different ports that nobody listens on. */
export async function findFreePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>();
  while (held.size < count) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    const server = held.has(port) ? undefined : await hold(port);
    if (server !== undefined) held.set(port, server);
  }
  await Promise.all(Array.from(held.values(), (server) => once(server.close(), 'close')));
  return [...held.keys()];
}

async function hold(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined; // taken
  }
}
