import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type EntityUid, sameUid } from '../../core/access/entity.ts';
import type { AccessRequest } from '../../core/access/request.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import { firstRevisions, readGrants } from '../../core/store/grants.ts';
import { listOwed, type OwedPosition, type OwedReview } from '../../core/store/owed-reviews.ts';
import { readRequests } from '../../core/store/requests.ts';
import type {
  ListOwedReviewsRequest,
  ListOwedReviewsResponseSchema,
  OwedReviewSchema,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { inTurns } from './give-way.ts';
import { foreignToken, keyToken, type Page, pageSize, readKeyToken } from './page-token.ts';
import { presentRequest } from './present.ts';
import { presentGrant } from './present-grant.ts';
import { isPermitted, mayReviewAfterwards } from './rights.ts';
import { scan } from './scan.ts';
import { showingRequests } from './show.ts';

interface Asking {
  readonly caller: EntityUid;
  readonly signal: AbortSignal;
}

/** An owed review with its request. */
interface Owed extends OwedReview {
  readonly request: AccessRequest;
}

/** What break-glass owes still and the caller may see: by due time. @throws AccessError */
export async function listOwedReviews(
  context: GrantContext,
  message: ListOwedReviewsRequest,
  { caller, signal }: Asking,
): Promise<MessageInitShape<typeof ListOwedReviewsResponseSchema>> {
  await catchUp(context);
  const page = { before: readPosition(message.pageToken), size: pageSize(message) };
  const wanting = { caller, toReview: message.toReview };
  const { found, next } = await scan(page, (chunk) => readOwed(context, chunk), {
    positionOf: ({ dueAt, grantId }): OwedPosition => ({ dueAt, grantId }),
    isWanted: (owed) => isWanted(context, owed, wanting),
    signal,
  });
  return { owed: await presentAll(context, found, { caller, signal }), nextPageToken: tokenOf(next) };
}

async function readOwed({ database }: GrantContext, { before: after, size }: Page<OwedPosition>) {
  const rows = await listOwed(database, { after, size });
  const requests = await readRequests(database, [...new Set(rows.map(({ requestId }) => requestId))]);
  const byId = new Map(requests.map((request) => [request.id, request]));
  const owed = rows.flatMap((row): Owed[] => {
    const request = byId.get(row.requestId);
    return request === undefined ? [] : [{ ...row, request }];
  });
  return { rows: owed, isLast: rows.length < size };
}

function isWanted(
  context: GrantContext,
  { request, item }: Owed,
  { caller, toReview }: { readonly caller: EntityUid; readonly toReview: boolean },
): boolean {
  const { replica } = context.followed;
  const now = clockOfReads(context);
  const found = request.items[item];
  if (found !== undefined && mayReviewAfterwards(replica, request, found, { reviewer: caller }, now))
    return true;
  if (toReview) return false;
  if ([request.requester, request.subject].some((party) => sameUid(party, caller))) return true;
  return isPermitted(replica, { right: 'audit', principal: caller, resource: SYSTEM, now });
}

async function presentAll(
  context: GrantContext,
  found: readonly Owed[],
  { caller, signal }: Asking,
): Promise<MessageInitShape<typeof OwedReviewSchema>[]> {
  const { database } = context;
  const requests = found.map(({ request }) => request);
  const grantIds = found.map(({ grantId }) => grantId);
  const grants = await readGrants(database, grantIds);
  const ofGrants = await firstRevisions(database, { grantIds });
  const ofRequests = await firstRevisions(database, { requestIds: requests.map(({ id }) => id) });
  const showing = await showingRequests(context, caller, requests);
  return await inTurns(found, signal, ({ request, grantId, step, dueAt }) => {
    const row = grants.get(grantId);
    return {
      ...(row === undefined ? {} : { grant: presentGrant(showing, row, ofGrants.get(grantId) ?? 0n) }),
      request: presentRequest(showing, request, ofRequests.get(request.id) ?? 0n),
      step,
      dueAt: timestampFromDate(dueAt),
      overdue: showing.now >= dueAt,
    };
  });
}

function tokenOf(next: OwedPosition | undefined): string {
  return keyToken(next === undefined ? undefined : `${next.dueAt.getTime()}:${next.grantId}`);
}

function readPosition(token: string): OwedPosition | undefined {
  if (token === '') return undefined;
  const [, dueMs, grantId] = /^(\d{1,15}):([0-9a-f-]{36})$/.exec(readKeyToken(token)) ?? [];
  if (dueMs === undefined || grantId === undefined) throw foreignToken(token);
  return { dueAt: new Date(Number(dueMs)), grantId };
}
