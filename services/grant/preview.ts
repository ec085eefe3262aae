import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { formatUid, sameUid } from '../../core/access/entity.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import { AccessRequestSchema } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { RequestAccessResponseSchema } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { presentRequest, type Showing } from './present.ts';
import { boundedSearch, countCandidates } from './reviewers.ts';
import { factsOf, isPermitted } from './rights.ts';

/** What a request would be: workflows, steps, how many people could fill each, and what the requester should know. */
export async function presentPreview(
  showing: Showing,
  request: AccessRequest,
  signal: AbortSignal,
): Promise<MessageInitShape<typeof RequestAccessResponseSchema>> {
  const { replica, now } = showing;
  const search = boundedSearch(now, signal);
  const shown = create(AccessRequestSchema, presentRequest(showing, request, 0n));
  shown.id = '';
  shown.requestHash = new Uint8Array();
  shown.allowedActions = [];
  for (const item of request.items) {
    const counts = await countCandidates(replica, request, item, search);
    for (const step of shown.items[item.item]?.steps ?? []) step.candidates = counts.get(step.name) ?? 0;
  }
  const warnings = request.items.flatMap((item) => held(showing, request, item));
  if (search.budget.left <= 0) warnings.push(TOO_MANY_PEOPLE);
  return { request: shown, revision: 0n, warnings };
}

const TOO_MANY_PEOPLE =
  'not everybody in the directory was examined: there may be more reviewers than counted';

/** What the subject holds already, told to whoever may know it. */
function held(showing: Showing, request: AccessRequest, item: RequestItem): string[] {
  const { replica, now } = showing;
  if (!mayKnow(showing, request, item)) return [];
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

function mayKnow({ replica, caller, now }: Showing, request: AccessRequest, item: RequestItem): boolean {
  if (sameUid(caller, request.subject)) return true;
  const facts = factsOf(request, item);
  return isPermitted(replica, {
    right: 'view',
    principal: caller,
    resource: item.resource,
    now,
    request: facts,
  });
}
