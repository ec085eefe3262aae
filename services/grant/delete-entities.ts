import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import { deleteEntities } from '../../core/store/entities.ts';
import { liveGrantIds, lockGrant } from '../../core/store/grants.ts';
import { lockRequest, pendingRequestsOf } from '../../core/store/requests.ts';
import { readClock, type Trx } from '../../core/store/transition.ts';
import { decide, type Decided, type GrantContext } from './context.ts';
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
    const now = await readClock(trx);
    requireSystemRight(replica, caller, ['administer'], now);
    const missing = uids.find((uid) => !replica.directory.has(uid));
    if (missing !== undefined)
      throw new AccessError('ENTITY_NOT_FOUND', `uids: the directory does not have ${formatUid(missing)}`);
    const requests = await withdrawRequests(trx, uids, {
      actor: uidKey(caller),
      because: 'an entity that it is about was deleted',
      now,
    });
    const grants = await endGrants(trx, uids, { actor: caller, now });
    await deleteEntities(trx, uids, now);
    const deleted: LedgerEvent = { kind: 'ENTITIES_DELETED', at: now, actor: uidKey(caller), uids };
    return {
      events: [...requests.events, ...grants.events, deleted],
      result: () => ({ endedGrantIds: grants.ids, withdrawnRequestIds: requests.ids }),
    };
  });
}

interface Ended {
  readonly ids: readonly string[];
  readonly events: readonly LedgerEvent[];
}

async function withdrawRequests(trx: Trx, uids: readonly EntityUid[], by: Withdrawal): Promise<Ended> {
  const ids: string[] = [];
  const events: LedgerEvent[] = [];
  for (const id of await pendingRequestsOf(trx, uids.map(uidKey))) {
    const found = await lockRequest(trx, id);
    if (found === undefined) continue;
    const lapsed = await lapseRequest(trx, found, by.now);
    const withdrawn = await withdrawPending(trx, lapsed.row, by);
    events.push(...lapsed.events, ...withdrawn.events);
    if (withdrawn.events.length > 0) ids.push(id);
  }
  return { ids, events };
}

async function endGrants(
  trx: Trx,
  uids: readonly EntityUid[],
  by: { readonly actor: EntityUid; readonly now: Date },
): Promise<Ended> {
  const selectors = uids.flatMap((uid) =>
    (['subject', 'resource'] as const).map((kind) => ({ by: kind, uid: uidKey(uid) })),
  );
  const live = new Set<string>();
  for (const selector of selectors) for (const id of await liveGrantIds(trx, selector)) live.add(id);
  const ids: string[] = [];
  const events: LedgerEvent[] = [];
  for (const id of [...live].sort()) {
    const found = await lockGrant(trx, id);
    if (found === undefined) continue;
    const lapsed = await lapseGrant(trx, found, by.now);
    events.push(...lapsed.events);
    if (lapsed.row.recorded.state === 'ENDED') continue;
    const ended = await recordEnd(trx, lapsed.row, { endReason: 'INELIGIBLE', ...by });
    events.push(ended.event);
    ids.push(id);
  }
  return { ids, events };
}
