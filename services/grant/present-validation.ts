import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Grant } from '../../core/access/grant.ts';
import type { Problem } from '../../core/policy/problem.ts';
import { toProtoUid } from '../../core/rpc/uid.ts';
import type { ValidatePoliciesResponseSchema } from '../../proto/gen/curfew/grant/v1/policy_service_pb.ts';
import type { Stuck, Validation } from './validate-policies.ts';

/** What an examination found, as its message. */
export function presentValidation(
  found: Validation,
): MessageInitShape<typeof ValidatePoliciesResponseSchema> {
  const { digest, problems, ending, kept, unanswerable, administrator, isWhole } = found;
  return {
    digest,
    problems: problems.map(presentProblem),
    endingGrants: ending.first.map(presentGrant),
    endingCount: ending.count,
    keptGrants: kept.first.map(presentGrant),
    keptCount: kept.count,
    unanswerableItems: unanswerable.first.map(presentItem),
    unanswerableCount: unanswerable.count,
    ...(administrator === undefined ? {} : { administrator: toProtoUid(administrator) }),
    complete: isWhole,
  };
}

function presentProblem({ file, line, column, message, hint = '', excerpt = '' }: Problem) {
  return { file, line, column, message, hint, excerpt };
}

function presentGrant({ id, subject, resource, workflow }: Grant) {
  return { id, subject: toProtoUid(subject), resource: toProtoUid(resource), workflow };
}

function presentItem({ requestId, item, step = '' }: Stuck) {
  return { requestId, item: item.item, workflow: item.workflow.id, step };
}
