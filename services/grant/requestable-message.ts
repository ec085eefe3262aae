import type { MessageInitShape } from '@bufbuild/protobuf';
import type { EntityUid } from '../../core/access/entity.ts';
import { fromProtoAction, toProtoUid } from '../../core/rpc/uid.ts';
import type {
  ListRequestableRequest,
  ListRequestableResponseSchema,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import type { GrantContext } from './context.ts';
import { listRequestable } from './list-requestable.ts';
import { keyToken, pageSize, readKeyToken } from './page-token.ts';
import { presentWorkflow } from './present-workflow.ts';

/** What the caller could ask for, as it goes over the wire. @throws AccessError of `listRequestable`, FIELD_INVALID */
export async function listRequestableOf(
  context: GrantContext,
  message: ListRequestableRequest,
  { caller, signal }: { readonly caller: EntityUid; readonly signal: AbortSignal },
): Promise<MessageInitShape<typeof ListRequestableResponseSchema>> {
  const { search, type } = message;
  const action = message.action === undefined ? undefined : fromProtoAction(message.action, 'action');
  const page = { after: readKeyToken(message.pageToken), size: pageSize(message) };
  const { found, next } = await listRequestable(context, { caller, search, action, type }, page, signal);
  const resources = found.map(({ resource, name, actions }) => ({
    resource: toProtoUid(resource),
    name,
    actions: actions.map(({ action: one, workflows }) => ({
      action: toProtoUid(one),
      workflows: workflows.map(presentWorkflow),
    })),
  }));
  return { resources, nextPageToken: keyToken(next) };
}
