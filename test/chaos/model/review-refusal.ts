import type { Reason } from '../../../core/access/access-error.ts';
import type { Model } from './model.ts';
import type { ModelItem, ModelRequest, ModelVote } from './records.ts';
import { ADMIN, termsOf } from './terms.ts';
import { comesTo, counted, fillable, isNothing, stepsOf } from './votes.ts';

/** What a vote makes of an item. */
export type Narrowed = Omit<ModelVote, 'by'>;
export const WHOLE: Narrowed = { actions: undefined, minutes: undefined, startsAt: undefined };

/** A vote as it is cast. */
export interface Casting {
  readonly by: string;
  readonly isDeny: boolean;
  /** Every item that the person may answer if empty. */
  readonly named: readonly number[];
  /** What it narrows the item to, which it is on; `WHOLE` itself if it says nothing of it. */
  readonly narrowing: (item: ModelItem) => Narrowed;
}

/** The items that a vote is on, or why it does not count. */
export type Answered = { readonly items: readonly ModelItem[] } | { readonly reason: Reason };

export function isPending(request: ModelRequest): boolean {
  return request.items.some(({ state }) => state === 'PENDING');
}

/** Whether what is wanted is a look afterwards: the request is break-glass that was answered, or the items that are named were. */
export function isAfterwards(request: ModelRequest, named: readonly number[]): boolean {
  if (!request.isBreakGlass) return false;
  const isOwed = (item: number): boolean => request.items[item]?.dueAt !== undefined;
  return !isPending(request) || (named.length > 0 && named.every(isOwed));
}

export function maySee(model: Model, by: string, request: ModelRequest): boolean {
  const { requester, subject, voters, items, isBreakGlass } = request;
  if (by === requester || by === subject || voters.has(by)) return true;
  if (isBreakGlass && items.some((item) => looksAtGone(model, by, item))) return true;
  return (
    model.directory.members.security.has(by) || items.some((item) => fillable(model, by, item).length > 0)
  );
}

/** Which items the vote is on. */
export function answeredBy(model: Model, request: ModelRequest, { by, isDeny, named }: Casting): Answered {
  if (model.locks.isLocked(by, model.now)) return { reason: 'LOCKED' };
  if (!maySee(model, by, request)) return { reason: 'REQUEST_NOT_FOUND' };
  if (by === request.requester || by === request.subject) return { reason: 'SELF_REVIEW' };
  if (isAfterwards(request, named)) return answeredAfterwards(model, request, { by, named });
  const pending = request.items.filter(({ state }) => state === 'PENDING');
  if (pending.length === 0) return { reason: 'REQUEST_NOT_PENDING' };
  const mine = pending.filter((item) => fillable(model, by, item).length > 0);
  const meant = named.length === 0 ? mine.map(({ item }) => item) : named;
  const open = mine.filter((item) => meant.includes(item.item) && !hasVoted(by, item));
  const isAgain = request.items.some((item) => meant.includes(item.item) && hasVoted(by, item));
  if (isAgain && (open.length === 0 || named.length > 0)) return { reason: 'ALREADY_REVIEWED' };
  const refused = named.find((position) => !open.some(({ item }) => item === position));
  if (refused !== undefined) return { reason: refusedItem(request.items[refused]) };
  if (open.length === 0) return { reason: 'NOT_A_REVIEWER' };
  if (isDeny) return { items: open };
  const free = open.filter((item) => !isBarred(model, item));
  const isStopped = free.length < open.length && (free.length === 0 || named.length > 0);
  return isStopped ? { reason: 'LOCKED' } : { items: free };
}

function refusedItem(item: ModelItem | undefined): Reason {
  if (item === undefined) return 'FIELD_INVALID';
  return item.state === 'PENDING' ? 'NOT_A_REVIEWER' : 'REQUEST_NOT_PENDING';
}

function answeredAfterwards(
  model: Model,
  request: ModelRequest,
  { by, named }: Pick<Casting, 'by' | 'named'>,
): Answered {
  const owed = request.items.filter(({ dueAt }) => dueAt !== undefined);
  if (owed.length === 0) return { reason: 'REQUEST_NOT_PENDING' };
  const unowed = named.find((position) => !owed.some(({ item }) => item === position));
  if (unowed !== undefined)
    return { reason: request.items[unowed] === undefined ? 'FIELD_INVALID' : 'REQUEST_NOT_PENDING' };
  const meant = owed.filter(({ item }) => named.length === 0 || named.includes(item));
  const mine = meant.filter(
    (item) =>
      looksAtGone(model, by, item) ||
      stepsOf(model, by, { ...request, resource: item.resource }).includes('security'),
  );
  const isLeftOut = mine.length === 0 || (named.length > 0 && mine.length < meant.length);
  return isLeftOut ? { reason: 'NOT_A_REVIEWER' } : { items: mine };
}

/** Whether something that it is about is gone, so that whoever administers may look at it afterwards. */
function looksAtGone({ directory }: Model, by: string, { request, resource }: ModelItem): boolean {
  const { requester, subject } = request;
  const { people, owners } = directory;
  return by === ADMIN && !(people.has(requester) && people.has(subject) && owners.has(resource));
}

function hasVoted(by: string, item: ModelItem): boolean {
  return item.denier === by || item.votes.some((vote) => vote.by === by);
}

function isBarred(model: Model, { request, resource }: ModelItem): boolean {
  const { requester, subject, extends: grant } = request;
  return model.locks.bars({ requester, subject, resource, grant }, model.now);
}

/** Why what the vote narrows to is refused; undefined when it is not. */
export function narrowingRefusal(
  model: Model,
  items: readonly ModelItem[],
  { by, isDeny, named, narrowing }: Casting,
): Reason | undefined {
  const isOnlySaid = isDeny || items.some(({ request }) => isAfterwards(request, named));
  const isTaken = !isOnlySaid || items.every((item) => narrowing(item) === WHOLE);
  if (!isTaken || items.some((item) => isWider(item, narrowing(item)))) return 'FIELD_INVALID';
  if (isOnlySaid) return undefined;
  const leavesNothing = items.some((item) =>
    isNothing(comesTo(model, item, [...counted(model, item), { by, ...narrowing(item) }])),
  );
  return leavesNothing ? 'NOTHING_LEFT' : undefined;
}

function isWider(item: ModelItem, { actions, minutes, startsAt }: Narrowed): boolean {
  const isExtension = item.request.extends !== undefined;
  return (
    actions?.some((action) => !item.actions.includes(action)) === true ||
    // A grant lasts longer with all that it permits.
    (isExtension && actions !== undefined && item.actions.some((action) => !actions.includes(action))) ||
    (minutes !== undefined && minutes > item.request.minutes) ||
    (startsAt !== undefined && !mayStart(item.request, item, startsAt))
  );
}

/** Whether it may be narrowed to begin then, which is to come. */
export function mayStart(
  request: ModelRequest,
  { kind }: Pick<ModelItem, 'kind'>,
  startsAt: number,
): boolean {
  const isFixed = request.extends !== undefined || termsOf({ kind }).claim !== undefined;
  return !isFixed && startsAt >= (request.startsAt ?? 0);
}

/** Why votes on these items are not taken back; undefined when they are. */
export function takeBackRefusal(
  model: Model,
  request: ModelRequest,
  { by, named }: Pick<Casting, 'by' | 'named'>,
): Reason | undefined {
  if (model.locks.isLocked(by, model.now)) return 'LOCKED';
  if (!maySee(model, by, request)) return 'REQUEST_NOT_FOUND';
  if (!isPending(request)) return 'REQUEST_NOT_PENDING';
  const voted = votedItems(request, by).map(({ item }) => item);
  return voted.length === 0 || named.some((item) => !voted.includes(item)) ? 'NO_REVIEW' : undefined;
}

/** The pending items on which the person has a vote. */
export function votedItems({ items }: ModelRequest, by: string): readonly ModelItem[] {
  return items.filter(({ state, votes }) => state === 'PENDING' && votes.some((vote) => vote.by === by));
}

/** Why the request is not withdrawn; undefined when it is. */
export function withdrawRefusal(model: Model, request: ModelRequest, by: string): Reason | undefined {
  if (model.locks.isLocked(by, model.now)) return 'LOCKED';
  if (!maySee(model, by, request)) return 'REQUEST_NOT_FOUND';
  if (by !== request.requester && by !== request.subject) return 'NOT_PERMITTED';
  return isPending(request) ? undefined : 'REQUEST_NOT_PENDING';
}
