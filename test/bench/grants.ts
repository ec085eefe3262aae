import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { Cluster } from '../chaos/cluster.ts';
import { inParallel } from './in-parallel.ts';

/** What somebody is to hold. */
export interface Holding {
  readonly person: string;
  readonly databases: readonly string[];
}

const MOST_ITEMS = 20;
const CALLERS = 8;
const DURATION_MS = 3_600_000;

/** Has every person granted `read` on their databases, up to twenty in one request. @returns the ids of the grants, by person and database */
export async function grantAll(
  cluster: Cluster,
  holdings: readonly Holding[],
  durationMs = DURATION_MS,
): Promise<ReadonlyMap<string, string>> {
  const wishes = holdings.flatMap(({ person, databases }) =>
    Array.from({ length: Math.ceil(databases.length / MOST_ITEMS) }, (_, index) => ({
      person,
      databases: databases.slice(index * MOST_ITEMS, (index + 1) * MOST_ITEMS),
    })),
  );
  const ids = new Map<string, string>();
  await inParallel(CALLERS, wishes, async ({ person, databases }, index) => {
    const { request } = await cluster.as(person, index % 2).grants.requestAccess({
      items: databases.map((id) => ({ resource: { type: 'Database', id }, actions: [{ id: 'read' }] })),
      duration: durationFromMs(durationMs),
      reason: 'bench',
    });
    for (const [at, id] of databases.entries()) ids.set(`${person} ${id}`, request?.items[at]?.grantId ?? '');
  });
  return ids;
}
