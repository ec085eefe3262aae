import { type EntityUid, uidKey } from '../../../core/access/entity.ts';
import type { Change } from './change.ts';
import type { Watch } from './watch-changes.ts';

/**
 * The change as one client is to hear of it; undefined when it does not concern it. One that watches a few principals learns of no other
 * entity: where others are named it is told to forget everything. So is one whose own place in the directory changed, for with it
 * may change whom it may ask about.
 */
export function narrowed(
  change: Change,
  { caller, principals }: Pick<Watch, 'caller' | 'principals'>,
): Change | undefined {
  const { named, isOfGrants } = change;
  if (named === 'all') return change;
  if (!isOfGrants && named.has(uidKey(caller.uid))) return { ...change, named: 'all' };
  if (principals.length === 0) return change;
  const own = new Map(
    principals.map((uid): [string, EntityUid] => [uidKey(uid), uid]).filter(([key]) => named.has(key)),
  );
  if (own.size < named.size && !isOfGrants) return { ...change, named: 'all' };
  return own.size === 0 ? undefined : { ...change, named: own };
}
