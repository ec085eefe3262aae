import { sql } from 'kysely';
import type { Database } from './connect.ts';

const LOOK_MS = 10_000;

/**
 * Keeps so many connections of a pool open, made anew when they are lost: they are there when the database takes no more.
 * @param database a pool of at least as many, with `isKept`
 */
export function keepWarm(database: Database, connections: number): { close(): void } {
  const warm = (): void => {
    // At the same time, so that each takes a connection of its own. What fails is tried again, and told where it is needed.
    for (let i = 0; i < connections; i += 1) void sql`SELECT 1`.execute(database).catch(() => undefined);
  };
  warm();
  const looking = setInterval(warm, LOOK_MS);
  return { close: () => clearInterval(looking) };
}
