import { type EntityUid, sameUid, uidKey } from '../../core/access/entity.ts';
import {
  type AccessRequest,
  pendingItems,
  type RequestState,
  requestStateAt,
} from '../../core/access/request.ts';
import {
  type Chunk,
  listRequests,
  listToReview,
  type PlacedRequest,
} from '../../core/store/list-requests.ts';
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
export const CHUNK = 200;
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
  const party = filter.mine ? uidKey(filter.caller) : undefined;
  const { states } = filter;
  const ways = filter.toReview ? await waysToReview(context.followed.replica, filter.caller, signal) : [];
  const found = await scan(
    page,
    async (before) =>
      filter.toReview
        ? await listToReview(context.database, ways, { before, size: CHUNK })
        : await listRequests(
            context.database,
            { party, states, now: clockOfReads(context) },
            { before, size: CHUNK },
          ),
    {
      positionOf: (row: PlacedRequest) => row.position,
      isWanted: (row) => matches(context, filter, row.request),
      signal,
    },
  );
  return { found: found.found.map((row) => row.request), next: found.next };
}

function matches(context: GrantContext, filter: RequestFilter, request: AccessRequest): boolean {
  const { replica } = context.followed;
  const now = clockOfReads(context);
  const { caller, states } = filter;
  if (states.length > 0 && !states.includes(requestStateAt(request, now))) return false;
  if (!filter.toReview) return maySee(replica, request, caller, now);
  const open = pendingItems(request, now).filter(
    (item) =>
      !request.reviews.some((review) => review.item === item.item && sameUid(review.reviewer, caller)),
  );
  return open.some((item) => fillableSteps(replica, request, item, caller, now).length > 0);
}

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
  read: (before: bigint | undefined) => Promise<Chunk<T>>,
  { positionOf, isWanted, signal }: Scan<T>,
): Promise<Listed<T>> {
  const giveWay = takeTurns();
  const stopMs = performance.now() + LONGEST_MS;
  const found: T[] = [];
  let { before } = page;
  for (let examined = 0; examined < MOST_EXAMINED && performance.now() < stopMs; ) {
    signal.throwIfAborted();
    const { rows, isLast } = await read(before);
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
