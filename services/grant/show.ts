import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EntityUid } from '../../core/access/entity.ts';
import type { AccessRequest } from '../../core/access/request.ts';
import { firstRevision, type RecordedGrant } from '../../core/store/grants.ts';
import type { AccessRequestSchema, GrantSchema } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { readApprovers } from './approvals-in-return.ts';
import { clockOfReads, type GrantContext } from './context.ts';
import { presentRequest, type Showing } from './present.ts';
import { presentGrant } from './present-grant.ts';

/** Directory, policies and time of now, for what is shown to the caller. */
export function showingTo(context: GrantContext, caller: EntityUid): Showing {
  return { replica: context.followed.replica, caller, now: clockOfReads(context) };
}

/** The same for requests, with what keeps the caller from reviewing them. @throws AccessError */
export async function showingRequests(
  context: GrantContext,
  caller: EntityUid,
  requests: readonly AccessRequest[],
): Promise<Showing> {
  const { database, followed } = context;
  const approvers = await readApprovers(database, followed.replica, caller, requests);
  return { ...showingTo(context, caller), approvers };
}

/** The request as the caller may see it now. @throws AccessError */
export async function showRequest(
  context: GrantContext,
  caller: EntityUid,
  request: AccessRequest,
): Promise<MessageInitShape<typeof AccessRequestSchema>> {
  const revision = await beginningOf(context, request.id, { requestId: request.id });
  return presentRequest(await showingRequests(context, caller, [request]), request, revision);
}

/** The grant as the caller may see it now. @throws AccessError */
export async function showGrant(
  context: GrantContext,
  caller: EntityUid,
  row: RecordedGrant,
): Promise<MessageInitShape<typeof GrantSchema>> {
  const revision = await beginningOf(context, row.grant.id, { grantId: row.grant.id });
  return presentGrant(showingTo(context, caller), row, revision);
}

/** The revision at which a request or a grant begins in the ledger. */
async function beginningOf(
  context: GrantContext,
  id: string,
  of: Parameters<typeof firstRevision>[1],
): Promise<bigint> {
  const known = context.firstRevisions.of(id, context.followed.follower.epoch);
  return known ?? (await firstRevision(context.database, of));
}
