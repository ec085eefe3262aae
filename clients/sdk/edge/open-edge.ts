import type { Channel } from '../channel.ts';
import { argumentError, type CurfewError } from '../curfew-error.ts';
import type { EntityName } from '../value.ts';
import { EdgeCache } from './edge-cache.ts';
import { nameKey } from './question-key.ts';
import { type EdgeWatch, watchForEdge } from './watch.ts';

/** Answers kept in this process. */
export interface EdgeCacheOptions {
  /** Answers held at once; 10,000 unless said. */
  readonly maxEntries?: number;
  /** Whose answers are kept, at most 100; anybody's unless said, which takes the right to `watch` the system. */
  readonly principals?: readonly EntityName[];
  /** Told why the cache is out of use, once for each reason in a row; questions then go to the service as ever. */
  readonly onError?: (error: CurfewError) => void;
}

/** A cache, and what keeps it in step. */
export interface Edge {
  readonly cache: EdgeCache;
  /** Begins to watch, if it has not begun. */
  start(): void;
  close(): void;
}

const usualEntries = 10_000;

/** @throws CurfewError INVALID_ARGUMENT for limits that cannot be meant */
export function openEdge(channel: Channel, options: EdgeCacheOptions): Edge {
  const { maxEntries = usualEntries, principals = [], onError } = options;
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1)
    throw argumentError('edgeCache.maxEntries', `seen ${maxEntries}, wanted a whole number, 1 or more`);
  const names = principals.map((principal) => nameKey(principal) ?? '');
  const cache = new EdgeCache({
    mostEntries: maxEntries,
    principals: names.length === 0 ? undefined : new Set(names),
  });
  let watch: EdgeWatch | undefined;
  let isClosed = false;
  return {
    cache,
    start() {
      if (!isClosed) watch ??= watchForEdge({ channel, cache, principals, onError });
    },
    close() {
      isClosed = true;
      watch?.close();
      cache.end();
    },
  };
}
