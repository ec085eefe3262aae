import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent, Verdict } from '../../core/access/event.ts';
import { checkFreeText } from '../../core/access/free-text.ts';
import {
  type AccessRequest,
  itemStateAt,
  pendingItems,
  type RequestItem,
  requestStateAt,
  type Review,
} from '../../core/access/request.ts';
import { seat, type Seating } from '../../core/access/seats.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { insertReviews, resolveItems } from '../../core/store/request-changes.ts';
import { lockRequest } from '../../core/store/requests.ts';
import type { Outcome, Trx } from '../../core/store/transition.ts';
import { decide, type Decided, type Finish, type GrantContext } from './context.ts';
import { lapseRequest } from './lapses.ts';
import { fillableSteps, maySee } from './rights.ts';
import { startGrant } from './start-grant.ts';

/** A vote as it is cast. */
export interface Vote {
  readonly requestId: string;
  readonly reviewer: EntityUid;
  readonly verdict: Verdict;
  readonly comment: string;
  /** Of the request as the reviewer saw it. */
  readonly requestHash: Uint8Array;
  /** Positions of items; every pending one that the reviewer may answer if empty. */
  readonly items: readonly number[];
}

/**
 * Counts a vote: one deny ends an item, a full seating starts its grant. Everything is checked under the request's row lock.
 * @throws AccessError REQUEST_NOT_FOUND, REQUEST_NOT_PENDING, REQUEST_HASH_MISMATCH, SELF_REVIEW, NOT_A_REVIEWER, ALREADY_REVIEWED
 */
export async function reviewAccessRequest(
  context: GrantContext,
  vote: Vote,
): Promise<Decided<AccessRequest>> {
  const wrong = checkFreeText(vote.comment);
  if (wrong !== undefined) throw fieldError('comment', wrong);
  const { replica } = context.followed;
  return await decide(context, async (trx) => {
    const found = await lockRequest(trx, vote.requestId);
    if (found === undefined) throw requestNotFound(vote.requestId);
    const { now } = found;
    if (!maySee(replica, found.row, vote.reviewer, now)) throw requestNotFound(vote.requestId);
    const { row, events } = await lapseRequest(trx, found.row, now);
    const answered = check(replica, row, vote, now);
    // The lapses stay written though the vote is refused.
    if (answered instanceof AccessError) return { events, result: refuse(answered) };
    const counted = await count(trx, replica, row, { ...vote, answered, now });
    return { events: [...events, ...counted.events], result: counted.result };
  });
}

export function requestNotFound(id: string): AccessError {
  return new AccessError('REQUEST_NOT_FOUND', `id: there is no request ${id}, or none that you may see`);
}

function refuse(error: AccessError): Finish<never> {
  return () => {
    throw error;
  };
}

/** The items that the vote is on, or why it does not count. */
function check(
  replica: Replica,
  request: AccessRequest,
  vote: Vote,
  now: Date,
): readonly RequestItem[] | AccessError {
  const { reviewer } = vote;
  if (sameUid(reviewer, request.requester) || sameUid(reviewer, request.subject)) {
    return new AccessError(
      'SELF_REVIEW',
      'requester and subject never review their own request; somebody else has to',
    );
  }
  if (Buffer.compare(vote.requestHash, request.requestHash) !== 0) {
    return new AccessError(
      'REQUEST_HASH_MISMATCH',
      'request_hash: not that of this request; read it again and vote on what it says now',
    );
  }
  const pending = pendingItems(request, now);
  if (pending.length === 0) {
    return new AccessError(
      'REQUEST_NOT_PENDING',
      `the request is ${requestStateAt(request, now)}, a vote wants it PENDING`,
    );
  }
  return chosenItems(replica, request, pending, vote, now);
}

function chosenItems(
  replica: Replica,
  request: AccessRequest,
  pending: readonly RequestItem[],
  vote: Vote,
  now: Date,
): readonly RequestItem[] | AccessError {
  const mine = pending.filter((item) => fillableSteps(replica, request, item, vote.reviewer, now).length > 0);
  const voted = (item: number): boolean =>
    request.reviews.some((it) => it.item === item && sameUid(it.reviewer, vote.reviewer));
  const named = vote.items.length === 0 ? mine.map((item) => item.item) : vote.items;
  const open = mine.filter((item) => named.includes(item.item) && !voted(item.item));
  const again = named.find(voted);
  if (again !== undefined && (open.length === 0 || vote.items.length > 0)) {
    return new AccessError(
      'ALREADY_REVIEWED',
      `items[${again}]: you have voted on it already; a vote is final`,
    );
  }
  const refused = vote.items.find((item) => !open.some((it) => it.item === item));
  if (refused !== undefined) return refusedItem(request, refused, vote, now);
  if (open.length === 0) return notAReviewer(vote.reviewer, 'no pending item');
  return open;
}

/** Why a vote on an item that the reviewer named does not count. */
function refusedItem(request: AccessRequest, item: number, vote: Vote, now: Date): AccessError {
  const found = request.items[item];
  if (found === undefined) {
    return fieldError('items', `seen ${item}, wanted positions from 0 to ${request.items.length - 1}`);
  }
  const state = itemStateAt(found, now);
  if (state === 'PENDING') return notAReviewer(vote.reviewer, `not item ${item}`);
  return new AccessError('REQUEST_NOT_PENDING', `items: item ${item} is ${state}, a vote wants it PENDING`);
}

function notAReviewer(reviewer: EntityUid, which: string): AccessError {
  const message = `${formatUid(reviewer)} may answer ${which} of this request: an approve permit for one of its steps would be needed`;
  return new AccessError('NOT_A_REVIEWER', message);
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

interface Settled {
  readonly request: AccessRequest;
  readonly events: readonly LedgerEvent[];
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
  if (!seatingOf(replica, request, item, vote.now).isComplete) return { request, events: [] };
  return await startGrant(trx, replica, request, item, vote.now);
}

/** Who fills which step now: approvals of people who are still eligible, one seat each. */
export function seatingOf(replica: Replica, request: AccessRequest, item: RequestItem, now: Date): Seating {
  const approvals = request.reviews.filter(
    (review) => review.item === item.item && review.verdict === 'APPROVE',
  );
  const candidates = approvals.map(({ reviewer }) => ({
    person: uidKey(reviewer),
    steps: fillableSteps(replica, request, item, reviewer, now),
  }));
  return seat(item.workflow.steps, candidates);
}

function reviewOf(vote: CountedVote, item: RequestItem, policyDigest: string): Review {
  const { reviewer, verdict, comment, now } = vote;
  return { item: item.item, reviewer, verdict, comment, policyDigest, at: now };
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
    ...(vote.comment === '' ? {} : { text: vote.comment }),
  };
}
