import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, sameUid } from '../../core/access/entity.ts';
import type { AccessRequest } from '../../core/access/request.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import { readGrant } from '../../core/store/grants.ts';
import { listOwed, type OwedPosition, type OwedReview } from '../../core/store/owed-reviews.ts';
import { readRequest } from '../../core/store/requests.ts';
import type {
  ListOwedReviewsRequest,
  ListOwedReviewsResponseSchema,
  OwedReviewSchema,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import { takeTurns } from './give-way.ts';
import { isPermitted, mayReviewAfterwards } from './rights.ts';
import { showGrant, showRequest } from './show.ts';

const DEFAULT_SIZE = 50;
/** Rows read at once while looking for what the caller may see. */
const CHUNK = 200;

/** What break-glass owes still and the caller may see: by due time. @throws AccessError */
export async function listOwedReviews(
  context: GrantContext,
  message: ListOwedReviewsRequest,
  { caller, signal }: { readonly caller: EntityUid; readonly signal: AbortSignal },
): Promise<MessageInitShape<typeof ListOwedReviewsResponseSchema>> {
  await catchUp(context);
  const size = message.pageSize === 0 ? DEFAULT_SIZE : message.pageSize;
  const giveWay = takeTurns();
  const owed: MessageInitShape<typeof OwedReviewSchema>[] = [];
  let after = readToken(message.pageToken);
  for (;;) {
    const rows = await listOwed(context.database, { after, size: CHUNK });
    for (const row of rows) {
      await giveWay(signal);
      if (owed.length === size) return { owed, nextPageToken: tokenOf(after) };
      after = row;
      const request = await readRequest(context.database, row.requestId);
      if (request === undefined || !isWanted(context, request, row, { caller, toReview: message.toReview }))
        continue;
      owed.push(await present(context, request, row, caller));
    }
    if (rows.length < CHUNK) return { owed, nextPageToken: '' };
  }
}

function isWanted(
  context: GrantContext,
  request: AccessRequest,
  { item }: OwedReview,
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

async function present(
  context: GrantContext,
  request: AccessRequest,
  { grantId, step, dueAt }: OwedReview,
  caller: EntityUid,
): Promise<MessageInitShape<typeof OwedReviewSchema>> {
  const row = await readGrant(context.database, grantId);
  return {
    ...(row === undefined ? {} : { grant: await showGrant(context, caller, row) }),
    request: await showRequest(context, caller, request),
    step,
    dueAt: timestampFromDate(dueAt),
    overdue: clockOfReads(context) >= dueAt,
  };
}

function tokenOf(after: OwedPosition | undefined): string {
  if (after === undefined) return '';
  return Buffer.from(`owed:${after.dueAt.getTime()}:${after.grantId}`, 'latin1').toString('base64url');
}

function readToken(token: string): OwedPosition | undefined {
  if (token === '') return undefined;
  const text = Buffer.from(token, 'base64url').toString('latin1');
  const [, dueMs, grantId] = /^owed:(\d{1,15}):([0-9a-f-]{36})$/.exec(text) ?? [];
  if (dueMs !== undefined && grantId !== undefined) return { dueAt: new Date(Number(dueMs)), grantId };
  const seen = JSON.stringify(token.slice(0, 80));
  throw fieldError('page_token', `seen ${seen}, wanted the next_page_token of the page before`);
}
