import type { EntityUid } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import type { AccessRequest } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { lockGrant, type RecordedGrant } from '../../core/store/grants.ts';
import { lockRequest } from '../../core/store/requests.ts';
import type { Trx } from '../../core/store/transition.ts';
import { type Ending, recordEnd } from './end-grant.ts';
import { lapseGrant, lapseRequest } from './lapses.ts';
import { type Withdrawal, withdrawPending } from './withdraw-access-request.ts';
import { takeBack, votedItems } from './withdraw-review.ts';

/** What ended, and the events that say so. */
export interface TakenOut {
  readonly ids: readonly string[];
  readonly events: readonly LedgerEvent[];
}

/** Takes the rows of requests, in the order of their ids, so that two calls cannot wait for each other. */
export async function holdRequests(trx: Trx, ids: Iterable<string>): Promise<readonly AccessRequest[]> {
  const held: AccessRequest[] = [];
  for (const id of [...ids].toSorted()) {
    const found = await lockRequest(trx, id);
    if (found !== undefined) held.push(found.row);
  }
  return held;
}

/** Takes the rows of grants, in the order of their ids. */
export async function holdGrants(trx: Trx, ids: Iterable<string>): Promise<readonly RecordedGrant[]> {
  const held: RecordedGrant[] = [];
  for (const id of [...ids].toSorted()) {
    const found = await lockGrant(trx, id);
    if (found !== undefined) held.push(found.row);
  }
  return held;
}

/** Withdraws what is pending of held requests. */
export async function withdrawRequests(
  trx: Trx,
  requests: readonly AccessRequest[],
  how: Withdrawal,
): Promise<TakenOut> {
  const ids: string[] = [];
  const events: LedgerEvent[] = [];
  for (const request of requests) {
    const lapsed = await lapseRequest(trx, request, how.now);
    const withdrawn = await withdrawPending(trx, lapsed.row, how);
    events.push(...lapsed.events, ...withdrawn.events);
    if (withdrawn.events.length > 0) ids.push(request.id);
  }
  return { ids, events };
}

/** Takes the votes of people on what is pending of held requests back. */
export async function takeVotesBack(
  trx: Trx,
  requests: readonly AccessRequest[],
  {
    reviewers,
    actor,
    now,
  }: { readonly reviewers: readonly EntityUid[]; readonly actor: EntityUid; readonly now: Date },
): Promise<TakenOut> {
  const ids: string[] = [];
  const events: LedgerEvent[] = [];
  for (const request of requests) {
    const lapsed = await lapseRequest(trx, request, now);
    events.push(...lapsed.events);
    const voted = reviewers
      .map((reviewer) => ({ reviewer, items: votedItems(lapsed.row, reviewer, now) }))
      .filter(({ items }) => items.length > 0);
    for (const votes of voted) events.push((await takeBack(trx, lapsed.row, { ...votes, actor, now })).event);
    if (voted.length > 0) ids.push(request.id);
  }
  return { ids, events };
}

/** Ends those of held grants that have not ended. */
export async function endGrants(
  trx: Trx,
  grants: readonly RecordedGrant[],
  { replica, ...ending }: Ending & { readonly replica: Replica; readonly actor: EntityUid },
): Promise<TakenOut> {
  const ids: string[] = [];
  const events: LedgerEvent[] = [];
  for (const grant of grants) {
    const lapsed = await lapseGrant(trx, replica, grant, ending.now);
    events.push(...lapsed.events);
    if (lapsed.row.recorded.state === 'ENDED') continue;
    const ended = await recordEnd(trx, lapsed.row, ending);
    events.push(ended.event);
    ids.push(grant.grant.id);
  }
  return { ids, events };
}
