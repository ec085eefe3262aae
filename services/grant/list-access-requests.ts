import { type EntityUid, sameUid, uidKey } from '../../core/access/entity.ts';
import {
  type AccessRequest,
  pendingItems,
  type RequestState,
  requestStateAt,
  votesOn,
} from '../../core/access/request.ts';
import {
  type Chunk,
  listRequests,
  listToReview,
  type PlacedRequest,
  type RequestPage,
} from '../../core/store/list-requests.ts';
import { type Approvers, isKeptApart, readApprovers } from './approvals-in-return.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { takeTurns } from './give-way.ts';
import type { Page } from './page-token.ts';
import { fillableSteps, maySee } from './rights.ts';
import { waysToReview } from './ways-to-review.ts';

export interface RequestFilter {
  readonly caller: EntityUid;
  /** All if empty. */
  readonly states: readonly RequestState[];
  readonly mine: boolean;
  readonly toReview: boolean;
}

export interface Listed<T> {
  readonly found: readonly T[];
  /** Where the next page goes on; undefined on the last. */
  readonly next: bigint | undefined;
}

/** Rows read at once while looking for what the caller may see. */
const CHUNK = 200;
/** Rows examined for one page: asking the policies about each takes a while. */
const MOST_EXAMINED = 2_000;
/** And the longest that it takes, on a slow machine. */
const LONGEST_MS = 500;

/** Requests that the caller may see, newest first. @throws AccessError */
export async function listAccessRequests(
  context: GrantContext,
  filter: RequestFilter,
  page: Page,
  signal: AbortSignal,
): Promise<Listed<AccessRequest>> {
  await catchUp(context);
  const found = await scan(page, await readerOf(context, filter, signal), {
    positionOf: (row: FoundRequest) => row.position,
    isWanted: (row) => matches(context, filter, row),
    signal,
  });
  return { found: found.found.map((row) => row.request), next: found.next };
}

/** Reads what may be wanted: little more than that, wherever an index leads to it. */
async function readerOf(
  context: GrantContext,
  { caller, mine, states, toReview }: RequestFilter,
  signal: AbortSignal,
): Promise<ReadChunk<FoundRequest>> {
  const { database } = context;
  if (toReview) {
    const { replica } = context.followed;
    const ways = await waysToReview(replica, caller, signal);
    return async (page) => {
      const { rows, isLast } = await listToReview(database, ways, page);
      const requests = rows.map(({ request }) => request);
      const approvers = await readApprovers(database, replica, caller, requests);
      return { rows: rows.map((row) => ({ ...row, approvers })), isLast };
    };
  }
  const filter = { party: mine ? uidKey(caller) : undefined, states, now: clockOfReads(context) };
  return (page) => listRequests(database, filter, page);
}

interface FoundRequest extends PlacedRequest {
  /** Who lately approved requests of the caller, where that is who reviews. */
  readonly approvers?: Approvers;
}

function matches(
  context: GrantContext,
  filter: RequestFilter,
  { request, approvers = [] }: FoundRequest,
): boolean {
  const { replica } = context.followed;
  const now = clockOfReads(context);
  const { caller, states } = filter;
  if (states.length > 0 && !states.includes(requestStateAt(request, now))) return false;
  if (!filter.toReview) return maySee(replica, request, caller, now);
  const open = pendingItems(request, now).filter(
    (item) => !votesOn(request, item.item).some((review) => sameUid(review.reviewer, caller)),
  );
  return open.some(
    (item) =>
      !isKeptApart(replica, approvers, request, item) &&
      fillableSteps(replica, request, item, { reviewer: caller }, now).length > 0,
  );
}

/** Reads the next stretch of a list. */
export type ReadChunk<T> = (page: RequestPage) => Promise<Chunk<T>>;

/** What a list looks for. */
export interface Scan<T> {
  readonly positionOf: (row: T) => bigint;
  readonly isWanted: (row: T) => boolean;
  /** Ends the search: nobody waits for it. */
  readonly signal: AbortSignal;
}

/**
 * Reads chunk by chunk until the page is full, there is no more, or enough was examined for one call: then the page is short, may be
 * empty, and says where the next goes on. Gives way to other calls.
 */
export async function scan<T>(
  page: Page,
  read: ReadChunk<T>,
  { positionOf, isWanted, signal }: Scan<T>,
): Promise<Listed<T>> {
  const giveWay = takeTurns();
  const stopMs = performance.now() + LONGEST_MS;
  const found: T[] = [];
  let { before } = page;
  let size = Math.min(CHUNK, page.size + 1);
  for (let examined = 0; examined < MOST_EXAMINED && performance.now() < stopMs; ) {
    signal.throwIfAborted();
    const { rows, isLast } = await read({ before, size });
    // Mostly the first is enough.
    size = CHUNK;
    for (const row of rows) {
      await giveWay(signal);
      if (isWanted(row)) found.push(row);
      if (found.length > page.size)
        return { found: found.slice(0, -1), next: lastPosition(found.slice(0, -1), positionOf) };
      before = positionOf(row);
      examined += 1;
      if (performance.now() >= stopMs) return { found, next: before };
    }
    if (isLast) return { found, next: undefined };
  }
  return { found, next: before };
}

function lastPosition<T>(rows: readonly T[], positionOf: (row: T) => bigint): bigint | undefined {
  const last = rows.at(-1);
  return last === undefined ? undefined : positionOf(last);
}
