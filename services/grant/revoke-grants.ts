import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { uidKey } from '../../core/access/entity.ts';
import { fromProtoUid } from '../../core/rpc/uid.ts';
import { toRpcStatus } from '../../core/rpc/status.ts';
import { firstRevision, liveGrantIds } from '../../core/store/grants.ts';
import { AccessError } from '../../core/access/access-error.ts';
import { type Grant, GrantSchema } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  type RevokeFailure,
  RevokeFailureSchema,
  type RevokeGrantsRequest,
  type RevokeGrantsResponseSchema,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { clockOfReads, type GrantContext } from './context.ts';
import { requireReason, revokeGrant } from './end-grant.ts';
import { presentGrant, type Showing } from './present.ts';

/** Ends each selected grant that the caller may revoke, one transaction each, and says of each of the others why not. */
export async function revokeGrants(
  context: GrantContext,
  message: RevokeGrantsRequest,
  showing: Showing,
): Promise<MessageInitShape<typeof RevokeGrantsResponseSchema>> {
  requireReason(message.reason);
  const ended: Grant[] = [];
  const failed: RevokeFailure[] = [];
  let last = 0n;
  for (const id of await selected(context, message)) {
    try {
      const { result, revision } = await revokeGrant(context, id, {
        caller: showing.caller,
        reason: message.reason,
      });
      const started = await firstRevision(context.revokeDatabase, { grantId: id });
      ended.push(
        create(GrantSchema, presentGrant({ ...showing, now: clockOfReads(context) }, result, started)),
      );
      last = revision;
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      // Who names a subject or a resource learns nothing of grants that they may not see.
      const isHidden = error.reason === 'GRANT_NOT_FOUND' && message.ids.length === 0;
      if (!isHidden) failed.push(create(RevokeFailureSchema, { id, status: toRpcStatus(error) }));
    }
  }
  return { ended, failed, revision: last };
}

async function selected(context: GrantContext, message: RevokeGrantsRequest): Promise<readonly string[]> {
  if (message.ids.length > 0) return message.ids;
  const by = message.subject === undefined ? 'resource' : 'subject';
  const uid = fromProtoUid(message.subject ?? message.resource, by);
  return await liveGrantIds(context.revokeDatabase, { by, uid: uidKey(uid) });
}
