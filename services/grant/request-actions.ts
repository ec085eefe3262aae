import { sameUid } from '../../core/access/entity.ts';
import {
  type AccessRequest,
  itemStateAt,
  pendingItems,
  type RequestItem,
} from '../../core/access/request.ts';
import { locksOn } from '../../core/replica/rights.ts';
import { RequestAction } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { isKeptApart } from './approvals-in-return.ts';
import type { Showing } from './present.ts';
import { fillableSteps, mayReviewAfterwards } from './rights.ts';
import { votedItems } from './withdraw-review.ts';

/** What the caller may do now with one item, apart from the rest of its request. */
export function itemActions(
  { replica, caller, now, approvers = [] }: Showing,
  request: AccessRequest,
  item: RequestItem,
): readonly RequestAction[] {
  if (locksOn(replica, caller, now).length > 0) return [];
  const isPending = itemStateAt(item, now) === 'PENDING';
  const hasVoted = votedItems(request, caller, now).includes(item.item);
  const mayReview =
    isPending &&
    !hasVoted &&
    !isKeptApart(replica, approvers, request, item) &&
    fillableSteps(replica, request, item, { reviewer: caller }, now).length > 0;
  const mayLook = item.isOwed && mayReviewAfterwards(replica, request, item, { reviewer: caller }, now);
  return [
    ...(mayReview ? [RequestAction.REVIEW] : []),
    ...(hasVoted ? [RequestAction.WITHDRAW_REVIEW] : []),
    ...(mayLook ? [RequestAction.REVIEW_AFTERWARDS] : []),
  ];
}

/** What the caller may do now with a request: what they may do with an item of it, and what is done with all of it. */
export function requestActions(
  { replica, caller, now }: Showing,
  request: AccessRequest,
  ofItems: readonly (readonly RequestAction[])[],
): readonly RequestAction[] {
  const isAsking = sameUid(caller, request.requester) || sameUid(caller, request.subject);
  const isFree = locksOn(replica, caller, now).length === 0;
  const isTheirs = isFree && isAsking && pendingItems(request, now).length > 0;
  const whole = isTheirs ? [RequestAction.WITHDRAW, RequestAction.REMIND_REVIEWERS] : [];
  return [...new Set([...ofItems.flat(), ...whole])].toSorted((a, b) => a - b);
}
