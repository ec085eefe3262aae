import { uidKey } from '../access/entity.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { fromLedgerRow } from './ledger-row.ts';

/** Part of the ledger, and whose events of it are looked at. */
export interface AppliedBy {
  readonly actor: string;
  /** Revisions beyond this one. */
  readonly after: bigint;
  readonly upTo: bigint;
}

/** Rows looked through by one statement, so that none runs into the statement timeout however long the ledger is. */
const PAGE = 20_000n;

/**
 * What an actor said last of each entity it applied: the digest by uid key. Of the installation itself that is what its
 * `directory.json` said when the entity was last taken from it.
 * @throws AccessError
 */
export async function readAppliedDigests(
  database: Database,
  { actor, after, upTo }: AppliedBy,
): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (let from = after; from < upTo; from += PAGE) {
    const to = from + PAGE < upTo ? from + PAGE : upTo;
    const rows = await guarded(() =>
      database
        .selectFrom('ledger')
        .select('body')
        .where('revision', '>', from)
        .where('revision', '<=', to)
        .where('kind', '=', 'ENTITIES_APPLIED')
        .where('actor', '=', actor)
        .orderBy('revision')
        .execute(),
    );
    for (const { body } of rows) for (const [key, digest] of digestsOf(body)) digests.set(key, digest);
  }
  return digests;
}

function digestsOf(body: string): readonly (readonly [string, string])[] {
  const event = fromLedgerRow(body, undefined);
  if (event.kind !== 'ENTITIES_APPLIED') return [];
  return event.entities.map(({ uid, digest }) => [uidKey(uid), digest]);
}
