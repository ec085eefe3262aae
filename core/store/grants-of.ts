import { sql } from 'kysely';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import type { Trx } from './transition.ts';

/** Far below what a statement takes. */
const CHUNK = 5_000;

/** The ids of the grants that have not ended and of which one of the entities is subject or resource, by `uidKey`. @throws AccessError */
export async function liveGrantsOf(
  database: Database | Trx,
  uids: Iterable<string>,
): Promise<readonly string[]> {
  const all = [...uids];
  const ids = new Set<string>();
  for (let start = 0; start < all.length; start += CHUNK) {
    const chunk = all.slice(start, start + CHUNK);
    const among = sql<string[]>`${chunk}::text[]`;
    const rows = await guarded(() =>
      database
        .selectFrom('grants')
        .select('id')
        .where('state', '<>', 'ENDED')
        .where('expires_at', '>', sql<Date>`clock_timestamp()`)
        .where((where) =>
          where.or([where('subject', '=', where.fn.any(among)), where('resource', '=', where.fn.any(among))]),
        )
        .execute(),
    );
    for (const { id } of rows) ids.add(id);
  }
  return [...ids].sort();
}
