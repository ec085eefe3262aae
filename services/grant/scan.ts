import type { Chunk } from '../../core/store/list-requests.ts';
import { takeTurns } from './give-way.ts';
import type { Page } from './page-token.ts';

/** A page of a list. */
export interface Listed<T, Position = bigint> {
  readonly found: readonly T[];
  /** Where the next page goes on; undefined on the last. */
  readonly next: Position | undefined;
}

/** Rows read at once while looking for what the caller may see. */
const CHUNK = 200;
/** Rows examined for one page: asking the policies about each takes a while. */
const MOST_EXAMINED = 2_000;
/** And the longest that it takes, on a slow machine. */
const LONGEST_MS = 500;

/** Reads the next stretch of a list. */
export type ReadChunk<T, Position = bigint> = (page: Page<Position>) => Promise<Chunk<T>>;

/** What a list looks for. */
interface Scan<T, Position> {
  readonly positionOf: (row: T) => Position;
  readonly isWanted: (row: T) => boolean;
  /** Ends the search: nobody waits for it. */
  readonly signal: AbortSignal;
}

/**
 * Reads chunk by chunk until the page is full, there is no more, or enough was examined for one call: then the page is short, may be
 * empty, and says where the next goes on. Gives way to other calls.
 */
export async function scan<T, Position = bigint>(
  page: Page<Position>,
  read: ReadChunk<T, Position>,
  { positionOf, isWanted, signal }: Scan<T, Position>,
): Promise<Listed<T, Position>> {
  const giveWay = takeTurns();
  const stopMs = performance.now() + LONGEST_MS;
  const found: T[] = [];
  let { before } = page;
  let size = Math.min(CHUNK, page.size + 1);
  for (let examined = 0; examined < MOST_EXAMINED && performance.now() < stopMs; ) {
    signal.throwIfAborted();
    const { rows, isLast } = await read({ before, size });
    // Mostly the first is enough.
    size = CHUNK;
    for (const row of rows) {
      await giveWay(signal);
      if (isWanted(row)) found.push(row);
      if (found.length > page.size)
        return { found: found.slice(0, -1), next: lastPosition(found.slice(0, -1), positionOf) };
      before = positionOf(row);
      examined += 1;
      if (performance.now() >= stopMs) return { found, next: before };
    }
    if (isLast) return { found, next: undefined };
  }
  return { found, next: before };
}

function lastPosition<T, Position>(
  rows: readonly T[],
  positionOf: (row: T) => Position,
): Position | undefined {
  const last = rows.at(-1);
  return last === undefined ? undefined : positionOf(last);
}
