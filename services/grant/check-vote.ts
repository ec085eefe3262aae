import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid } from '../../core/access/entity.ts';
import { narrowedTerms, windowOf } from '../../core/access/narrowing.ts';
import {
  type AccessRequest,
  itemStateAt,
  pendingItems,
  type RequestItem,
  requestStateAt,
  votesOn,
} from '../../core/access/request.ts';
import { checkText } from '../../core/access/workflow.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { type Approvers, apartRefusal } from './approvals-in-return.ts';
import { narrowingRefusal } from './check-narrowing.ts';
import { countVotes } from './counted-votes.ts';
import { lettingInBy, lockAgainst } from './locked.ts';
import type { Vote } from './review-access-request.ts';
import { fillableSteps, isParty, type Voter } from './rights.ts';
import { castBy, signInRefusal } from './sign-in-refusal.ts';

/** A vote with who lately approved requests of its reviewer. */
interface JudgedVote extends Vote {
  readonly approvers: Approvers;
}

/** The items that a vote is on, or why it does not count. */
export function checkVote(
  replica: Replica,
  request: AccessRequest,
  vote: JudgedVote,
  now: Date,
): readonly RequestItem[] | AccessError {
  const notTheirs = reviewerRefusal(replica, request, vote);
  if (notTheirs !== undefined) return notTheirs;
  const pending = pendingItems(request, now);
  if (pending.length === 0) {
    return new AccessError(
      'REQUEST_NOT_PENDING',
      `the request is ${requestStateAt(request, now)}, a vote wants it PENDING`,
    );
  }
  const answered = chosenItems(replica, request, pending, vote, now);
  if (answered instanceof AccessError) return answered;
  return (
    commentRefusal(answered, vote) ??
    narrowingRefusal(request, answered, vote.narrowing, now) ??
    nothingLeft(replica, request, answered, vote, now) ??
    answered
  );
}

/** Why this reviewer may not vote on the request as they saw it. */
export function reviewerRefusal(
  replica: Replica,
  request: AccessRequest,
  { reviewer, requestHash }: Pick<Vote, 'reviewer' | 'requestHash'>,
): AccessError | undefined {
  if (isParty(replica, request, reviewer)) {
    const message =
      'requester and subject, and whoever owns a service that is one of them, never review the request; somebody else has to';
    return new AccessError('SELF_REVIEW', message);
  }
  if (Buffer.compare(requestHash, request.requestHash) === 0) return undefined;
  return new AccessError(
    'REQUEST_HASH_MISMATCH',
    'request_hash: not that of this request; read it again and vote on what it says now',
  );
}

function chosenItems(
  replica: Replica,
  request: AccessRequest,
  pending: readonly RequestItem[],
  vote: JudgedVote,
  now: Date,
): readonly RequestItem[] | AccessError {
  const voter = castBy(vote, now);
  const mine = pending.filter((item) => fillableSteps(replica, request, item, voter, now).length > 0);
  const voted = (item: number): boolean =>
    votesOn(request, item).some((it) => sameUid(it.reviewer, vote.reviewer));
  const named = vote.items.length === 0 ? mine.map((item) => item.item) : vote.items;
  const open = mine.filter((item) => named.includes(item.item) && !voted(item.item));
  const again = named.find(voted);
  if (again !== undefined && (open.length === 0 || vote.items.length > 0)) {
    return new AccessError(
      'ALREADY_REVIEWED',
      `items[${again}]: you have voted on it already; take your vote back before you vote anew`,
    );
  }
  const refused = vote.items.find((item) => !open.some((it) => it.item === item));
  if (refused !== undefined) return refusedItem(replica, request, refused, vote, now);
  if (open.length === 0) {
    const left = pending.filter((item) => !voted(item.item));
    return notLetIn(replica, request, left, vote, now) ?? notAReviewer(vote.reviewer, 'no pending item');
  }
  return vote.verdict === 'DENY' ? open : withoutStopped(replica, request, open, vote, now);
}

/** Approvals of what is locked wait until it is not, and others approve what is kept apart; an item that was named must not be left out. */
function withoutStopped(
  replica: Replica,
  request: AccessRequest,
  open: readonly RequestItem[],
  vote: JudgedVote,
  now: Date,
): readonly RequestItem[] | AccessError {
  const judged = open.map((item) => ({
    item,
    stopped:
      lockAgainst(replica, lettingInBy(request, item), now) ??
      apartRefusal(replica, vote.approvers, request, item),
  }));
  const free = judged.filter(({ stopped }) => stopped === undefined).map(({ item }) => item);
  const stopped = judged.find((it) => it.stopped !== undefined)?.stopped;
  return stopped !== undefined && (free.length === 0 || vote.items.length > 0) ? stopped : free;
}

/** Why a vote on an item that the reviewer named does not count. */
function refusedItem(
  replica: Replica,
  request: AccessRequest,
  item: number,
  vote: Vote,
  now: Date,
): AccessError {
  const found = request.items[item];
  if (found === undefined) {
    return fieldError('items', `seen ${item}, wanted positions from 0 to ${request.items.length - 1}`);
  }
  const state = itemStateAt(found, now);
  if (state === 'PENDING') {
    const refused = notLetIn(replica, request, [found], vote, now);
    return refused ?? notAReviewer(vote.reviewer, `not item ${item}`);
  }
  return new AccessError('REQUEST_NOT_PENDING', `items: item ${item} is ${state}, a vote wants it PENDING`);
}

/** That the vote wants another sign-in, where that is what it lacks. */
function notLetIn(
  replica: Replica,
  request: AccessRequest,
  items: readonly RequestItem[],
  vote: Vote,
  now: Date,
): AccessError | undefined {
  const isEnough = (item: RequestItem, voter: Voter): boolean =>
    fillableSteps(replica, request, item, voter, now).length > 0;
  return signInRefusal(replica, items, vote, { isEnough, now });
}

function notAReviewer(reviewer: EntityUid, which: string): AccessError {
  const message = `${formatUid(reviewer)} may answer ${which} of this request: an approve permit for one of its steps would be needed`;
  return new AccessError('NOT_A_REVIEWER', message);
}

function commentRefusal(answered: readonly RequestItem[], { comment }: Vote): AccessError | undefined {
  for (const { workflow } of answered) {
    const wrong = checkText(workflow.comment, comment);
    if (wrong !== undefined)
      return fieldError(
        'comment',
        `seen a text of ${comment.length} characters, but workflow ${workflow.id} wants that it ${wrong}`,
      );
  }
  return undefined;
}

/** An approval that leaves nothing together with those that count is refused: it would be a deny that does not say so. */
function nothingLeft(
  replica: Replica,
  request: AccessRequest,
  answered: readonly RequestItem[],
  vote: Vote,
  now: Date,
): AccessError | undefined {
  if (vote.verdict === 'DENY') {
    return vote.narrowing.length === 0
      ? undefined
      : fieldError('narrowing', 'seen with a deny, wanted with an approval only; leave it out');
  }
  for (const item of answered) {
    const { approvals } = countVotes(replica, request, item, now);
    const own = vote.narrowing.filter((it) => it.item === item.item);
    const terms = narrowedTerms(request, item, [...approvals.map((it) => it.narrowing), ...own]);
    const { startsAt, expiresAt } = windowOf(request, terms, now);
    if (terms.actions.length > 0 && startsAt < expiresAt) continue;
    const what = terms.actions.length > 0 ? 'time' : 'action';
    const message = `items[${item.item}]: with the approvals that there are, this one would leave no ${what} to grant; narrow it less, or deny`;
    return new AccessError('NOTHING_LEFT', message, { metadata: { item: String(item.item) } });
  }
  return undefined;
}
