import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid } from '../../core/access/entity.ts';
import { type Workflow } from '../../core/access/workflow.ts';
import { type AccessRequest, type RequestItem } from '../../core/access/request.ts';
import { type RequestFacts } from '../../core/policy/curfew-context.ts';
import { stepsOf } from '../../core/policy/policy-set.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import { eligibility } from '../../core/replica/let-in.ts';
import { ask, isPermitted, type RightQuestion, type Rules, workflowsFor } from '../../core/replica/rights.ts';

export { isPermitted, type RightQuestion, workflowsFor };

export function notPermitted({ principal, right, resource }: RightQuestion): AccessError {
  const message = `${formatUid(principal)} is not permitted ${right} on ${formatUid(resource)}: a permit for Curfew::Action::"${right}" in workflows/ would be needed`;
  return new AccessError('NOT_PERMITTED', message, { metadata: { right, resource: formatUid(resource) } });
}

/** @throws AccessError NOT_PERMITTED unless the caller has one of the rights on the installation */
export function requireSystemRight(
  rules: Rules,
  caller: EntityUid,
  rights: readonly ('audit' | 'administer')[],
  now: Date,
): void {
  const questions = rights.map((right) => ({ right, principal: caller, resource: SYSTEM, now }));
  if (questions.some((question) => isPermitted(rules, question))) return;
  for (const question of questions) throw notPermitted(question);
}

/** The steps of the item that the person may fill now. The requester and the subject never may, nor may a service. */
export function fillableSteps(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  reviewer: EntityUid,
  now: Date,
): readonly string[] {
  if (sameUid(reviewer, request.requester) || sameUid(reviewer, request.subject)) return [];
  const { policies } = rules.engine;
  if (!policies.schema.personTypes.includes(reviewer.type) || !rules.directory.has(reviewer)) return [];
  const evaluation = ask(rules, {
    right: 'approve',
    principal: reviewer,
    resource: item.resource,
    now,
    request: factsOf(request, item),
  });
  if (evaluation.decision !== 'allow') return [];
  const wanted = item.workflow.steps.map((step) => step.name);
  return stepsOf(policies, evaluation.policyIds).filter((step) => wanted.includes(step));
}

/** Whether the item's own workflow would still let the subject in. */
export function isStillEligible(rules: Rules, request: AccessRequest, item: RequestItem, now: Date): boolean {
  const { requester, subject } = request;
  const { resource, workflow } = item;
  const facts = factsOf(request, item);
  const entrance = { requester, subject, resource, workflow: workflow.id, now, facts };
  return eligibility(rules, entrance) === 'in';
}

/** Who may see a request: requester, subject, whoever may approve an item, voted on it, or is permitted to view it. */
export function maySee(rules: Rules, request: AccessRequest, caller: EntityUid, now: Date): boolean {
  if (sameUid(caller, request.requester) || sameUid(caller, request.subject)) return true;
  if (request.reviews.some((review) => sameUid(review.reviewer, caller))) return true;
  return request.items.some(
    (item) =>
      fillableSteps(rules, request, item, caller, now).length > 0 ||
      isPermitted(rules, {
        right: 'view',
        principal: caller,
        resource: item.resource,
        now,
        request: factsOf(request, item),
      }),
  );
}

/** What policies see of an item of a request. */
export function factsOf(
  request: Pick<AccessRequest, 'id' | 'requester' | 'subject' | 'reason' | 'ticket' | 'durationMs'>,
  item: Pick<RequestItem, 'actions'> & { readonly workflow?: Workflow },
): RequestFacts {
  return {
    id: request.id,
    requester: request.requester,
    subject: request.subject,
    actions: item.actions.map((action) => action.id),
    reason: request.reason,
    ...(request.ticket === '' ? {} : { ticket: request.ticket }),
    durationMs: request.durationMs,
    ...(item.workflow === undefined ? {} : { workflow: item.workflow.id }),
    breakGlass: false,
    extension: 0n,
  };
}
