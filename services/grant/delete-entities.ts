import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import type { AccessRequest } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { deleteEntities } from '../../core/store/entities.ts';
import { liveGrantIds, lockGrant, type RecordedGrant } from '../../core/store/grants.ts';
import { lockRequest, pendingRequestsOf } from '../../core/store/requests.ts';
import { readClock, type Trx } from '../../core/store/transition.ts';
import { clockOfReads, DecideAgain, decide, type Decided, type GrantContext } from './context.ts';
import { recordEnd } from './end-grant.ts';
import { lapseGrant, lapseRequest } from './lapses.ts';
import { requireSystemRight } from './rights.ts';
import { type Withdrawal, withdrawPending } from './withdraw-access-request.ts';

/** What ended with the entities. */
export interface Deleted {
  readonly endedGrantIds: readonly string[];
  readonly withdrawnRequestIds: readonly string[];
}

/**
 * Deletes entities; in the same transaction their grants end and their pending requests are withdrawn.
 * @throws AccessError NOT_PERMITTED, ENTITY_NOT_FOUND
 */
export async function removeEntities(
  context: GrantContext,
  caller: EntityUid,
  uids: readonly EntityUid[],
): Promise<Decided<Deleted>> {
  const { replica } = context.followed;
  return await decide(context, async (trx) => {
    requireSystemRight(replica, caller, ['administer'], clockOfReads(context));
    const missing = uids.find((uid) => !replica.directory.has(uid));
    if (missing !== undefined)
      throw new AccessError('ENTITY_NOT_FOUND', `uids: the directory does not have ${formatUid(missing)}`);
    const locked = await lockAll(trx, uids);
    // Only now: a lock that had to be waited for belongs to something that happened before.
    const now = await readClock(trx);
    const because = 'an entity that it is about was deleted';
    const requests = await withdrawRequests(trx, locked.requests, { actor: uidKey(caller), because, now });
    const grants = await endGrants(trx, locked.grants, { replica, actor: caller, now });
    await deleteEntities(trx, uids, now);
    const deleted: LedgerEvent = { kind: 'ENTITIES_DELETED', at: now, actor: uidKey(caller), uids };
    return {
      events: [...requests.events, ...grants.events, deleted],
      result: () => ({ endedGrantIds: grants.ids, withdrawnRequestIds: requests.ids }),
      confirm: () => requireNoneLeft(trx, uids),
    };
  });
}

interface Locked {
  readonly requests: readonly AccessRequest[];
  readonly grants: readonly RecordedGrant[];
}

/** Takes the rows of everything that ends with the entities, in the order of their ids, so that two calls cannot wait for each other. */
async function lockAll(trx: Trx, uids: readonly EntityUid[]): Promise<Locked> {
  const requests: AccessRequest[] = [];
  for (const id of await pendingRequestsOf(trx, uids.map(uidKey))) {
    const found = await lockRequest(trx, id);
    if (found !== undefined) requests.push(found.row);
  }
  const grants: RecordedGrant[] = [];
  for (const id of await liveGrantsOf(trx, uids)) {
    const found = await lockGrant(trx, id);
    if (found !== undefined) grants.push(found.row);
  }
  return { requests, grants };
}

async function liveGrantsOf(trx: Trx, uids: readonly EntityUid[]): Promise<readonly string[]> {
  const live = new Set<string>();
  for (const uid of uids.map(uidKey)) {
    for (const by of ['subject', 'resource'] as const) {
      for (const id of await liveGrantIds(trx, { by, value: uid })) live.add(id);
    }
  }
  return [...live].sort();
}

/** A request that was submitted, or a grant that started, between our look and our place in the ledger must not outlive the entity. */
async function requireNoneLeft(trx: Trx, uids: readonly EntityUid[]): Promise<void> {
  const requests = await pendingRequestsOf(trx, uids.map(uidKey));
  const grants = await liveGrantsOf(trx, uids);
  if (requests.length + grants.length > 0)
    throw new DecideAgain('something of a deleted entity came in between');
}

interface Ended {
  readonly ids: readonly string[];
  readonly events: readonly LedgerEvent[];
}

async function withdrawRequests(
  trx: Trx,
  requests: readonly AccessRequest[],
  by: Withdrawal,
): Promise<Ended> {
  const ids: string[] = [];
  const events: LedgerEvent[] = [];
  for (const request of requests) {
    const lapsed = await lapseRequest(trx, request, by.now);
    const withdrawn = await withdrawPending(trx, lapsed.row, by);
    events.push(...lapsed.events, ...withdrawn.events);
    if (withdrawn.events.length > 0) ids.push(request.id);
  }
  return { ids, events };
}

async function endGrants(
  trx: Trx,
  grants: readonly RecordedGrant[],
  { replica, ...by }: { readonly replica: Replica; readonly actor: EntityUid; readonly now: Date },
): Promise<Ended> {
  const ids: string[] = [];
  const events: LedgerEvent[] = [];
  for (const grant of grants) {
    const lapsed = await lapseGrant(trx, replica, grant, by.now);
    events.push(...lapsed.events);
    if (lapsed.row.recorded.state === 'ENDED') continue;
    const ended = await recordEnd(trx, lapsed.row, { endReason: 'INELIGIBLE', ...by });
    events.push(ended.event);
    ids.push(grant.grant.id);
  }
  return { ids, events };
}
