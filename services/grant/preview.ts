import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { formatUid } from '../../core/access/entity.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import { AccessRequestSchema } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { RequestAccessResponseSchema } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { presentRequest, type Showing } from './present.ts';
import { countCandidates } from './reviewers.ts';

/** What a request would be: workflows, steps, how many people could fill each, and what the requester should know. */
export function presentPreview(
  showing: Showing,
  request: AccessRequest,
): MessageInitShape<typeof RequestAccessResponseSchema> {
  const { replica, now } = showing;
  const shown = create(AccessRequestSchema, presentRequest(showing, request, 0n));
  shown.id = '';
  shown.requestHash = new Uint8Array();
  shown.allowedActions = [];
  for (const item of request.items) {
    const counts = countCandidates(replica, request, item, now);
    for (const step of shown.items[item.item]?.steps ?? []) step.candidates = counts.get(step.name) ?? 0;
  }
  const warnings = request.items.flatMap((item) => held(showing, request, item));
  return { request: shown, revision: 0n, warnings };
}

function held({ replica, now }: Showing, request: AccessRequest, item: RequestItem): readonly string[] {
  return item.actions.flatMap((action) => {
    const [longest] = replica.grants.covering({
      principal: request.subject,
      action,
      resource: item.resource,
      directory: replica.directory,
      late: now,
    });
    if (longest === undefined) return [];
    const until = longest.expiresAt.toISOString();
    return [
      `${formatUid(request.subject)} already holds ${formatUid(action)} on ${formatUid(item.resource)} until ${until}`,
    ];
  });
}
