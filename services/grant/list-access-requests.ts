import { type EntityUid, sameUid, uidKey } from '../../core/access/entity.ts';
import {
  type AccessRequest,
  pendingItems,
  type RequestState,
  requestStateAt,
  votesOn,
} from '../../core/access/request.ts';
import { listRequests, type PlacedRequest } from '../../core/store/list-requests.ts';
import { listToReview } from '../../core/store/list-to-review.ts';
import { type Approvers, isKeptApart, readApprovers } from './approvals-in-return.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import type { Page } from './page-token.ts';
import { fillableSteps, maySee } from './rights.ts';
import { type Listed, type ReadChunk, scan } from './scan.ts';
import { waysToReview } from './ways-to-review.ts';

export interface RequestFilter {
  readonly caller: EntityUid;
  /** All if empty. */
  readonly states: readonly RequestState[];
  readonly mine: boolean;
  readonly toReview: boolean;
}

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
      const { rows, isLast } = await listToReview(database, ways, { ...page, now: clockOfReads(context) });
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
