import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, sameUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import { type AccessRequest, pendingItems, requestStateAt, votesOn } from '../../core/access/request.ts';
import { withdrawReviews } from '../../core/store/request-changes.ts';
import { lockRequest } from '../../core/store/requests.ts';
import type { Trx } from '../../core/store/transition.ts';
import { by, decide, type Decided, type GrantContext, refuse } from './context.ts';
import { lapseRequest } from './lapses.ts';
import { requestNotFound } from './review-access-request.ts';
import { maySee } from './rights.ts';

/** Which of one's own votes to take back. */
export interface TakenBack {
  readonly requestId: string;
  readonly reviewer: EntityUid;
  /** Positions of items; every pending one voted on if empty. */
  readonly items: readonly number[];
}

/**
 * Takes approvals back while their items are pending; they stay written down, and the reviewer may vote anew.
 * @throws AccessError REQUEST_NOT_FOUND, REQUEST_NOT_PENDING, NO_REVIEW
 */
export async function withdrawReview(
  context: GrantContext,
  { requestId, reviewer, items }: TakenBack,
): Promise<Decided<AccessRequest>> {
  const { replica } = context.followed;
  return await decide(by(context, reviewer), async (trx) => {
    const found = await lockRequest(trx, requestId);
    if (found === undefined) throw requestNotFound(requestId);
    const { now } = found;
    if (!maySee(replica, found.row, reviewer, now)) throw requestNotFound(requestId);
    const { row, events } = await lapseRequest(trx, found.row, now);
    const voted = votedItems(row, reviewer, now);
    const chosen = items.length === 0 ? voted : items;
    const refused = refusal(row, voted, chosen, now);
    if (refused !== undefined) return { events, result: refuse(refused) };
    const taken = await takeBack(trx, row, { reviewer, items: chosen, actor: reviewer, now });
    return { events: [...events, taken.event], result: () => taken.request };
  });
}

/** Writes that a person's votes on these items of a locked request no longer count. */
export async function takeBack(
  trx: Trx,
  request: AccessRequest,
  {
    reviewer,
    items,
    actor,
    now,
  }: Omit<TakenBack, 'requestId'> & { readonly actor: EntityUid; readonly now: Date },
): Promise<{ readonly request: AccessRequest; readonly event: LedgerEvent }> {
  const changed = await withdrawReviews(trx, request, { reviewer, items, at: now });
  const about = { requestId: request.id, reviewer, items };
  return { request: changed, event: { kind: 'REVIEW_WITHDRAWN', at: now, actor: uidKey(actor), ...about } };
}

/** The pending items on which the person has a vote that counts or could count again. */
export function votedItems(request: AccessRequest, reviewer: EntityUid, now: Date): readonly number[] {
  return pendingItems(request, now)
    .map(({ item }) => item)
    .filter((item) => votesOn(request, item).some((vote) => sameUid(vote.reviewer, reviewer)));
}

function refusal(
  request: AccessRequest,
  voted: readonly number[],
  chosen: readonly number[],
  now: Date,
): AccessError | undefined {
  if (pendingItems(request, now).length === 0) {
    return new AccessError(
      'REQUEST_NOT_PENDING',
      `the request is ${requestStateAt(request, now)}, taking a vote back wants it PENDING; revoke its grants instead`,
    );
  }
  const without = chosen.find((item) => !voted.includes(item));
  if (chosen.length > 0 && without === undefined) return undefined;
  const which = without === undefined ? 'no pending item' : `not on item ${without}, or it is not pending`;
  return new AccessError('NO_REVIEW', `items: you have a vote on ${which}; there is nothing to take back`);
}
