import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { lockGrant } from '../../core/store/grants.ts';
import { type OwedReview, owedOfRequest, settleOwed } from '../../core/store/owed-reviews.ts';
import type { Outcome, Trx } from '../../core/store/transition.ts';
import { reviewerRefusal } from './check-vote.ts';
import { type Finish, refuse } from './context.ts';
import { recordEnd } from './end-grant.ts';
import { lapseGrant } from './lapses.ts';
import type { Vote } from './review-access-request.ts';
import { isPartlyGone, mayReviewAfterwards, type Voter } from './rights.ts';
import { castBy, signInRefusal } from './sign-in-refusal.ts';

/**
 * Writes down what a reviewer found who looked at break-glass afterwards. A deny says that it should not have been: what is left of the
 * grants ends. The request is locked by this transaction.
 */
export async function reviewAfterwards(
  trx: Trx,
  replica: Replica,
  request: AccessRequest,
  vote: Vote,
  now: Date,
): Promise<Outcome<Finish<AccessRequest>>> {
  const answered = await answeredBy(trx, replica, request, vote, now);
  if (answered instanceof AccessError) return { events: [], result: refuse(answered) };
  const events: LedgerEvent[] = [];
  for (const owed of answered) {
    const { reviewer, verdict, comment } = vote;
    await settleOwed(trx, owed.grantId, { reviewer, verdict, comment, at: now });
    events.push(reviewedEvent(request, owed, { vote, now, policyDigest: replica.engine.policies.digest }));
    if (verdict === 'DENY') events.push(...(await endIfLive(trx, replica, owed.grantId, { vote, now })));
  }
  const seen = answered.map(({ item }) => item);
  const items = request.items.map((it) => (seen.includes(it.item) ? { ...it, isOwed: false } : it));
  return { events, result: () => ({ ...request, items }) };
}

/** The owed reviews that the vote is for, or why there are none. */
async function answeredBy(
  trx: Trx,
  replica: Replica,
  request: AccessRequest,
  vote: Vote,
  now: Date,
): Promise<readonly OwedReview[] | AccessError> {
  const refused = reviewerRefusal(replica, request, vote);
  if (refused !== undefined) return refused;
  const owed = await owedOfRequest(trx, request.id);
  if (owed.length === 0)
    return new AccessError(
      'REQUEST_NOT_PENDING',
      'the request was granted by break-glass and owes no review any more',
    );
  const unowed = vote.items.find((item) => !owed.some((it) => it.item === item));
  if (unowed !== undefined) return owesNothing(request, unowed);
  const named = owed.filter(({ item }) => vote.items.length === 0 || vote.items.includes(item));
  const isEnough = (item: RequestItem, voter: Voter): boolean =>
    mayReviewAfterwards(replica, request, item, voter, now);
  const mine = named.filter(({ item }) => {
    const found = request.items[item];
    return found !== undefined && isEnough(found, castBy(vote, now));
  });
  // One that was named must not be left out.
  if (mine.length === 0 || (vote.items.length > 0 && mine.length < named.length)) {
    const others = named.filter((it) => !mine.includes(it));
    const items = others.flatMap(({ item }) => request.items[item] ?? []);
    const isGone = items.some((item) => isPartlyGone(replica, request, item));
    return (
      signInRefusal(replica, items, vote, { isEnough, now }) ?? notAReviewer(vote.reviewer, others, isGone)
    );
  }
  if (vote.narrowing.length > 0)
    return fieldError(
      'narrowing',
      'seen for what is granted already, wanted none; revoke the grant to end it',
    );
  if (vote.comment.trim() === '') return fieldError('comment', 'seen no text, wanted what you found');
  return mine;
}

function owesNothing({ items }: AccessRequest, item: number): AccessError {
  if (items[item] === undefined)
    return fieldError('items', `seen ${item}, wanted positions from 0 to ${items.length - 1}`);
  const message = `items: item ${item} owes no review; leave it out, or name none for all that are owed`;
  return new AccessError('REQUEST_NOT_PENDING', message);
}

function notAReviewer(reviewer: EntityUid, owed: readonly OwedReview[], isGone: boolean): AccessError {
  const steps = [...new Set(owed.map(({ step }) => JSON.stringify(step)))].join(', ');
  const otherwise = isGone ? ', or administer, for part of what it is about was deleted' : '';
  const message = `${formatUid(reviewer)} may not look at this afterwards: an approve permit with @step(${steps}) would be needed${otherwise}`;
  return new AccessError('NOT_A_REVIEWER', message);
}

interface Found {
  readonly vote: Vote;
  readonly now: Date;
}

function reviewedEvent(
  request: AccessRequest,
  { grantId }: OwedReview,
  { vote, now, policyDigest }: Found & { readonly policyDigest: string },
): LedgerEvent {
  return {
    kind: 'BREAK_GLASS_REVIEWED',
    at: now,
    actor: uidKey(vote.reviewer),
    requestId: request.id,
    grantId,
    verdict: vote.verdict,
    requestHash: Buffer.from(request.requestHash).toString('hex'),
    policyDigest,
    ...(vote.signIn === undefined ? {} : { signIn: vote.signIn }),
    text: vote.comment,
  };
}

async function endIfLive(
  trx: Trx,
  replica: Replica,
  grantId: string,
  { vote, now }: Found,
): Promise<readonly LedgerEvent[]> {
  const found = await lockGrant(trx, grantId);
  if (found === undefined) return [];
  const { row, events } = await lapseGrant(trx, replica, found.row, now);
  if (row.recorded.state === 'ENDED') return events;
  const ended = await recordEnd(trx, row, {
    endReason: 'REVOKED',
    actor: vote.reviewer,
    now,
    text: vote.comment,
  });
  return [...events, ended.event];
}
