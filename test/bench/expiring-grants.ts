import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { Cluster } from '../chaos/cluster.ts';
import type { Random } from '../chaos/random.ts';
import { inParallel } from './in-parallel.ts';

/** Who is to hold what. */
export interface Pair {
  readonly person: string;
  readonly database: string;
}

/** A grant and the first instant at which it permits no more. */
export interface Ending {
  readonly pair: Pair;
  readonly expiresAt: number;
}

const CALLERS = 16;
const WARM_UP_MS = 1_000;
/** How much longer than at the pace seen so far it may take until every grant is there. */
const MARGIN = 1.25;
const AT_LEAST_MS = 5_000;

/** Makes grants that are over at once. @returns how long each took, the others that were made at the same time included */
export async function measurePace(cluster: Cluster, pairs: readonly Pair[]): Promise<number> {
  const startedMs = performance.now();
  await inParallel(CALLERS, pairs, async (pair, index) => {
    await request(cluster, pair, { grant: index % 2, durationMs: WARM_UP_MS });
  });
  return (performance.now() - startedMs) / pairs.length;
}

export interface Spread {
  readonly ends: Random;
  /** Over how long ends are spread. */
  readonly spreadMs: number;
  /** How long a grant takes to be made. */
  readonly paceMs: number;
}

/**
 * Has each granted by a request of its own, so that each ends at a random millisecond of its own, when all will be there as far as
 * the pace tells. @returns by end, the first first
 */
export async function grantEach(
  cluster: Cluster,
  pairs: readonly Pair[],
  { ends, spreadMs, paceMs }: Spread,
): Promise<readonly Ending[]> {
  const startedMs = performance.now();
  const byId = new Map<string, Pair>();
  await inParallel(CALLERS, pairs, async (pair, index) => {
    const seenMs = index === 0 ? paceMs : (performance.now() - startedMs) / index;
    const restMs = (pairs.length - index) * Math.max(paceMs, seenMs) * MARGIN + AT_LEAST_MS;
    const durationMs = Math.round(restMs + ends.next() * spreadMs);
    byId.set(await request(cluster, pair, { grant: index % 2, durationMs }), pair);
  });
  const rows = await cluster.database
    .selectFrom('grants')
    .select(['id', 'expires_at'])
    .where('state', '=', 'ACTIVE')
    .orderBy('expires_at')
    .execute();
  return rows.flatMap(({ id, expires_at: expiresAt }) => {
    const pair = byId.get(id);
    return pair === undefined ? [] : [{ pair, expiresAt: expiresAt.getTime() }];
  });
}

interface Terms {
  /** Which grant service is called. */
  readonly grant: number;
  readonly durationMs: number;
}

async function request(
  cluster: Cluster,
  { person, database }: Pair,
  { grant, durationMs }: Terms,
): Promise<string> {
  const { request: made } = await cluster.as(person, grant).grants.requestAccess({
    items: [{ resource: { type: 'Database', id: database }, actions: [{ id: 'read' }] }],
    duration: durationFromMs(durationMs),
    reason: 'bench',
  });
  const id = made?.items[0]?.grantId ?? '';
  if (id === '') throw new Error(`${person} was not granted ${database}`);
  return id;
}
