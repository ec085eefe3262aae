import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent, NarrowedItem, Verdict } from '../../core/access/event.ts';
import { checkFreeText } from '../../core/access/free-text.ts';
import {
  type AccessRequest,
  type RequestItem,
  type Review,
  requestStateAt,
} from '../../core/access/request.ts';
import type { SignIn } from '../../core/access/sign-in.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { insertReviews, resolveItems } from '../../core/store/request-changes.ts';
import { lockRequest } from '../../core/store/requests.ts';
import type { Outcome, Trx } from '../../core/store/transition.ts';
import { guardsOf, readApprovers } from './approvals-in-return.ts';
import { approveItem, type Settled } from './approve-item.ts';
import type { ItemNarrowing } from './check-narrowing.ts';
import { checkVote } from './check-vote.ts';
import { by, decide, type Decided, type Finish, type GrantContext, refuse } from './context.ts';
import { countVotes } from './counted-votes.ts';
import { lapseRequest } from './lapses.ts';
import { reviewAfterwards } from './review-afterwards.ts';
import { maySee } from './rights.ts';

/** A vote as it is cast. */
export interface Vote {
  readonly requestId: string;
  readonly reviewer: EntityUid;
  /** The reviewer's, as far as their credentials say. */
  readonly signIn: SignIn | undefined;
  readonly verdict: Verdict;
  readonly comment: string;
  /** Of the request as the reviewer saw it. */
  readonly requestHash: Uint8Array;
  /** Positions of items; every pending one that the reviewer may answer if empty. */
  readonly items: readonly number[];
  /** With an approval: what it agrees to, where that is less than was asked for. */
  readonly narrowing: readonly ItemNarrowing[];
}

/**
 * Counts a vote: one deny ends an item, a full seating starts its grant. Of break-glass that was granted already it is the review that
 * is owed. Everything is checked under the request's row lock.
 * @throws AccessError REQUEST_NOT_FOUND, REQUEST_NOT_PENDING, REQUEST_HASH_MISMATCH, SELF_REVIEW, NOT_A_REVIEWER,
 *   AUTHENTICATION_INSUFFICIENT, ALREADY_REVIEWED, NOTHING_LEFT, FIELD_INVALID
 */
export async function reviewAccessRequest(
  context: GrantContext,
  vote: Vote,
): Promise<Decided<AccessRequest>> {
  const wrong = checkFreeText(vote.comment);
  if (wrong !== undefined) throw fieldError('comment', wrong);
  const { replica } = context.followed;
  return await decide(by(context, vote.reviewer), async (trx) => {
    const found = await lockRequest(trx, vote.requestId);
    if (found === undefined) throw requestNotFound(vote.requestId);
    const { now } = found;
    if (!maySee(replica, found.row, vote.reviewer, now)) throw requestNotFound(vote.requestId);
    const { row, events } = await lapseRequest(trx, found.row, now);
    if (row.breakGlass && requestStateAt(row, now) !== 'PENDING')
      return await reviewAfterwards(trx, replica, row, vote, now);
    const approvers =
      vote.verdict === 'APPROVE' ? await readApprovers(trx, replica, vote.reviewer, [row]) : [];
    const answered = checkVote(replica, row, { ...vote, approvers }, now);
    // The lapses stay written though the vote is refused.
    if (answered instanceof AccessError) return { events, result: refuse(answered) };
    const guards = vote.verdict === 'APPROVE' ? guardsOf(replica, row, { ...vote, answered, approvers }) : [];
    const counted = await count(trx, replica, row, { ...vote, answered, now });
    return { events: [...events, ...counted.events], guards, result: counted.result };
  });
}

export function requestNotFound(id: string): AccessError {
  return new AccessError('REQUEST_NOT_FOUND', `id: there is no request ${id}, or none that you may see`);
}

interface CountedVote extends Vote {
  readonly answered: readonly RequestItem[];
  readonly now: Date;
}

async function count(
  trx: Trx,
  replica: Replica,
  before: AccessRequest,
  vote: CountedVote,
): Promise<Outcome<Finish<AccessRequest>>> {
  const reviews = vote.answered.map((item) => reviewOf(vote, item, replica.engine.policies.digest));
  await insertReviews(trx, before, reviews);
  let request: AccessRequest = { ...before, reviews: [...before.reviews, ...reviews] };
  const events: LedgerEvent[] = [reviewedEvent(request, vote, replica.engine.policies.digest)];
  for (const item of vote.answered) {
    const outcome = await settle(trx, replica, request, item, vote);
    request = outcome.request;
    events.push(...outcome.events);
  }
  return { events, result: () => request };
}

async function settle(
  trx: Trx,
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  vote: CountedVote,
): Promise<Settled> {
  if (vote.verdict === 'DENY') {
    const denied = await resolveItems(trx, request, [{ item: item.item, state: 'DENIED', at: vote.now }]);
    const because = `denied by ${formatUid(vote.reviewer)}`;
    const event: LedgerEvent = {
      kind: 'ITEM_DENIED',
      at: vote.now,
      actor: uidKey(vote.reviewer),
      requestId: request.id,
      item: item.item,
      because,
    };
    return { request: denied, events: [event] };
  }
  if (!countVotes(replica, request, item, vote.now).isComplete) return { request, events: [] };
  return await approveItem(trx, replica, request, item, vote.now);
}

function reviewOf(vote: CountedVote, item: RequestItem, policyDigest: string): Review {
  const { reviewer, signIn, verdict, comment, now } = vote;
  const { item: _, ...narrowing } = vote.narrowing.find((it) => it.item === item.item) ?? { item: item.item };
  return {
    item: item.item,
    reviewer,
    verdict,
    comment,
    policyDigest,
    at: now,
    narrowing,
    signIn,
    withdrawnAt: undefined,
  };
}

function reviewedEvent(request: AccessRequest, vote: CountedVote, policyDigest: string): LedgerEvent {
  return {
    kind: 'REQUEST_REVIEWED',
    at: vote.now,
    actor: uidKey(vote.reviewer),
    requestId: request.id,
    verdict: vote.verdict,
    items: vote.answered.map((item) => item.item),
    requestHash: Buffer.from(request.requestHash).toString('hex'),
    policyDigest,
    ...(vote.signIn === undefined ? {} : { signIn: vote.signIn }),
    ...(vote.narrowing.length === 0 ? {} : { narrowing: vote.narrowing.map(narrowedItem) }),
    ...(vote.comment === '' ? {} : { text: vote.comment }),
  };
}

function narrowedItem({ item, actions, durationMs, startsAt }: ItemNarrowing): NarrowedItem {
  return {
    item,
    ...(actions === undefined ? {} : { actions }),
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(startsAt === undefined ? {} : { startsAt }),
  };
}
