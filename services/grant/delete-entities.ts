import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import { deleteEntities } from '../../core/store/entities.ts';
import { liveGrantsOf } from '../../core/store/grants-of.ts';
import { pendingRequestsOf, pendingRequestsVotedBy } from '../../core/store/requests.ts';
import { readClock, type Trx } from '../../core/store/transition.ts';
import { by, clockOfReads, DecideAgain, decide, type Decided, type GrantContext } from './context.ts';
import { endIneligibleAmong, withInside } from './end-ineligible.ts';
import { requireSystemRight } from './rights.ts';
import { endGrants, holdGrants, holdRequests, takeVotesBack, withdrawRequests } from './taken-out.ts';

/** What ended with the entities. */
export interface Deleted {
  readonly endedGrantIds: readonly string[];
  readonly withdrawnRequestIds: readonly string[];
  /** Requests on which their votes were taken back. */
  readonly unvotedRequestIds: readonly string[];
}

/**
 * Deletes entities; in the same transaction their grants end, their pending requests are withdrawn, and their votes on others' are taken
 * back, so that they never count for whoever gets the id. Grants of what was inside of them end afterwards where their workflow lets
 * nobody in without it.
 * @throws AccessError NOT_PERMITTED, ENTITY_NOT_FOUND
 */
export async function removeEntities(
  context: GrantContext,
  caller: EntityUid,
  uids: readonly EntityUid[],
): Promise<Decided<Deleted>> {
  const { result, revision } = await remove(context, caller, uids);
  const others = await endIneligibleAmong(context, result.touchedGrantIds);
  return { result: { ...result, endedGrantIds: [...result.endedGrantIds, ...others] }, revision };
}

interface Removed extends Deleted {
  /** Live grants of what was inside of them. */
  readonly touchedGrantIds: readonly string[];
}

async function remove(
  context: GrantContext,
  caller: EntityUid,
  uids: readonly EntityUid[],
): Promise<Decided<Removed>> {
  const { replica } = context.followed;
  return await decide(by(context, caller), async (trx) => {
    requireSystemRight(replica, caller, ['administer'], clockOfReads(context));
    const missing = uids.find((uid) => !replica.directory.has(uid));
    if (missing !== undefined)
      throw new AccessError('ENTITY_NOT_FOUND', `uids: the directory does not have ${formatUid(missing)}`);
    const keys = uids.map(uidKey);
    const inside = await liveGrantsOf(trx, withInside(replica.directory, uids));
    const own = new Set(await pendingRequestsOf(trx, keys));
    const voted = await pendingRequestsVotedBy(trx, keys);
    const held = {
      requests: await holdRequests(trx, new Set([...own, ...voted])),
      grants: await holdGrants(trx, await liveGrantsOf(trx, keys)),
    };
    // Only now: a lock that had to be waited for belongs to something that happened before.
    const now = await readClock(trx);
    const because = 'an entity that it is about was deleted';
    const { owned = [], others = [] } = Object.groupBy(held.requests, ({ id }) =>
      own.has(id) ? 'owned' : 'others',
    );
    const requests = await withdrawRequests(trx, owned, { actor: uidKey(caller), because, now });
    const unvoted = await takeVotesBack(trx, others, { reviewers: uids, actor: caller, now });
    const grants = await endGrants(trx, held.grants, {
      replica,
      endReason: 'INELIGIBLE',
      actor: caller,
      now,
    });
    await deleteEntities(trx, uids, now);
    const deleted: LedgerEvent = { kind: 'ENTITIES_DELETED', at: now, actor: uidKey(caller), uids };
    return {
      events: [...requests.events, ...unvoted.events, ...grants.events, deleted],
      result: () => ({
        endedGrantIds: grants.ids,
        withdrawnRequestIds: requests.ids,
        unvotedRequestIds: unvoted.ids,
        touchedGrantIds: inside.filter((id) => !grants.ids.includes(id)),
      }),
      confirm: () => requireNoneLeft(trx, uids),
    };
  });
}

/** A request, a vote or a grant that came between our look and our place in the ledger must not outlive the entity. */
async function requireNoneLeft(trx: Trx, uids: readonly EntityUid[]): Promise<void> {
  const keys = uids.map(uidKey);
  const left = [
    ...(await pendingRequestsOf(trx, keys)),
    ...(await pendingRequestsVotedBy(trx, keys)),
    ...(await liveGrantsOf(trx, keys)),
  ];
  if (left.length > 0) throw new DecideAgain('something of a deleted entity came in between');
}
