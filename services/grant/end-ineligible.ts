import type { Directory } from '../../core/access/directory.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import { standing } from '../../core/replica/let-in.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import { lockGrant } from '../../core/store/grants.ts';
import { bySystem, decide, type GrantContext } from './context.ts';
import { recordEnd } from './end-grant.ts';
import { takeTurns } from './give-way.ts';
import { lapseGrant } from './lapses.ts';

/** The uid keys of the entities and of everything inside of them. */
export function withInside(directory: Directory, uids: readonly EntityUid[]): ReadonlySet<string> {
  const keys = new Set(uids.map(uidKey));
  for (const uid of uids) for (const inner of directory.descendants(uid)) keys.add(uidKey(inner.uid));
  return keys;
}

/**
 * Ends those of the grants whose workflow would no longer let their holder in, a transaction each.
 * @returns the ids of those that have ended for that
 */
export async function endIneligibleAmong(
  context: GrantContext,
  ids: readonly string[],
): Promise<readonly string[]> {
  const { replica } = context.followed;
  const giveWay = takeTurns();
  const ended: string[] = [];
  for (const id of ids) {
    await giveWay();
    const grant = replica.grants.get(id);
    // One that is not there may have been ended by somebody who noticed it first.
    if (grant !== undefined && standing(replica, grant) !== 'out') continue;
    try {
      if (await endIneligible(context, id)) ended.push(id);
    } catch {
      // What shut them out is written and denies by itself; keepEligible ends the rest, or logs why it cannot.
      return ended;
    }
  }
  return ended;
}

/**
 * Ends the grant if, asked again in its transaction, its workflow would no longer let its holder in.
 * @returns whether it has ended for that
 */
export async function endIneligible(context: GrantContext, id: string): Promise<boolean> {
  const { replica } = context.followed;
  const { result } = await decide(bySystem(context), async (trx) => {
    const found = await lockGrant(trx, id);
    if (found === undefined) return { events: [], result: () => false };
    const { row, events } = await lapseGrant(trx, replica, found.row, found.now);
    const { recorded, grant } = row;
    if (recorded.state === 'ENDED') return { events, result: () => recorded.endReason === 'INELIGIBLE' };
    if (standing(replica, grant) !== 'out') return { events, result: () => false };
    const { event } = await recordEnd(trx, row, { endReason: 'INELIGIBLE', actor: SYSTEM, now: found.now });
    return { events: [...events, event], result: () => true };
  });
  return result;
}
