import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid, uidKey, type Value } from '../../core/access/entity.ts';
import type { Grant } from '../../core/access/grant.ts';
import { personOf, samePerson } from '../../core/access/person.ts';
import { seat } from '../../core/access/seats.ts';
import { type Workflow } from '../../core/access/workflow.ts';
import { type AccessRequest, type RequestItem } from '../../core/access/request.ts';
import { type RequestFacts } from '../../core/policy/curfew-context.ts';
import { stepsOf } from '../../core/policy/policy-set.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import { eligibility } from '../../core/replica/let-in.ts';
import { ask, isPermitted, type RightQuestion, type Rules, workflowsFor } from '../../core/replica/rights.ts';

import { requireFree } from './locked.ts';

export { isPermitted, type RightQuestion, workflowsFor };

export function notPermitted({ principal, right, resource }: RightQuestion): AccessError {
  const message = `${formatUid(principal)} is not permitted ${right} on ${formatUid(resource)}: a permit for Curfew::Action::"${right}" in workflows/ would be needed`;
  return new AccessError('NOT_PERMITTED', message, { metadata: { right, resource: formatUid(resource) } });
}

/** @throws AccessError LOCKED; NOT_PERMITTED unless the caller has one of the rights on the installation */
export function requireSystemRight(
  rules: Rules,
  caller: EntityUid,
  rights: readonly ('audit' | 'administer')[],
  now: Date,
): void {
  requireFree(rules, caller, now);
  const questions = rights.map((right) => ({ right, principal: caller, resource: SYSTEM, now }));
  if (questions.some((question) => isPermitted(rules, question))) return;
  for (const question of questions) throw notPermitted(question);
}

/**
 * The steps of the item that the person may fill now; all of them when a step of theirs stands in for others by then. Requester and
 * subject never may, nor whoever owns a service that is one of them, nor a service.
 */
export function fillableSteps(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  reviewer: EntityUid,
  now: Date,
): readonly string[] {
  const { steps, escalations } = item.workflow;
  const filled = stepsFilledBy(rules, request, item, reviewer, now);
  const ageMs = now.getTime() - request.createdAt.getTime();
  const standsIn = escalations.some(({ afterMs, step }) => ageMs >= afterMs && filled.includes(step));
  const names = steps.map((step) => step.name);
  return standsIn ? names : names.filter((name) => filled.includes(name));
}

/** Whether the person may look at what break-glass gave. */
export function mayReviewAfterwards(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  reviewer: EntityUid,
  now: Date,
): boolean {
  const step = item.workflow.breakGlass?.step;
  return step !== undefined && stepsFilledBy(rules, request, item, reviewer, now).includes(step);
}

/** Every step that an approve permit lets the person fill for the item. */
function stepsFilledBy(
  rules: Rules,
  request: Asking,
  item: AskedFor,
  reviewer: EntityUid,
  now: Date,
): readonly string[] {
  if (isParty(rules, request, reviewer)) return [];
  const { policies } = rules.engine;
  if (!policies.schema.personTypes.includes(reviewer.type) || !rules.directory.has(reviewer)) return [];
  const evaluation = ask(rules, {
    right: 'approve',
    principal: reviewer,
    resource: item.resource,
    now,
    request: factsOf(request, item),
  });
  return evaluation.decision === 'allow' ? stepsOf(policies, evaluation.policyIds) : [];
}

/** Whether the person asks or is asked for, by this account, another of theirs, or a service of theirs. */
export function isParty(
  rules: Rules,
  { requester, subject }: Pick<AccessRequest, 'requester' | 'subject'>,
  person: EntityUid,
): boolean {
  return [requester, subject].some(
    (party) => samePerson(rules.directory, party, person) || owns(rules, person, party),
  );
}

/** Attributes of a service that say who answers for it. */
const OWNER_ATTRIBUTES = ['owner', 'owners'];

function owns(rules: Rules, person: EntityUid, service: EntityUid): boolean {
  if (!rules.engine.policies.schema.serviceTypes.includes(service.type)) return false;
  const attributes = rules.directory.get(service)?.attributes;
  return OWNER_ATTRIBUTES.some((name) => {
    const value = attributes?.get(name);
    return value !== undefined && names(rules, value, person);
  });
}

/** Whether the value is the person, a group that they are inside of, or a set with one of these. */
function names(rules: Rules, value: Value, person: EntityUid): boolean {
  if (value.kind === 'set') return value.values.some((each) => names(rules, each, person));
  return value.kind === 'entity' && rules.directory.selfAndAncestors(person).has(uidKey(value.uid));
}

/** Whether the item's own workflow would still let the subject in. */
export function isStillEligible(rules: Rules, request: AccessRequest, item: RequestItem, now: Date): boolean {
  return isLetIn(rules, request, item, now);
}

function isLetIn(rules: Rules, request: Asking, item: AskedFor, now: Date): boolean {
  const { requester, subject } = request;
  const { resource, workflow } = item;
  const facts = factsOf(request, item);
  return eligibility(rules, { requester, subject, resource, workflow: workflow.id, now, facts }) === 'in';
}

/**
 * Whether a grant that waits may begin: its workflow would let its subject in now, and everybody who approved it may still fill the
 * seats.
 */
export function mayStillBegin(rules: Rules, grant: Grant, now: Date): boolean {
  const request = { ...grant, id: grant.requestId, breakGlass: grant.terms.breakGlass };
  const item = { ...grant, workflow: { id: grant.workflow } };
  if (!isLetIn(rules, request, item, now)) return false;
  const candidates = grant.approvers.map((approver) => ({
    person: personOf(rules.directory, approver),
    steps: stepsFilledBy(rules, request, item, approver, now),
  }));
  const steps = grant.steps.map((name, index) => ({ name, seats: grant.seats[index] ?? 1 }));
  return seat(steps, candidates).isComplete;
}

/** Who may see a request: requester and subject, whoever owns a service that is one of them, may approve an item, voted on it, or is permitted to view it. */
export function maySee(rules: Rules, request: AccessRequest, caller: EntityUid, now: Date): boolean {
  if (isParty(rules, request, caller)) return true;
  if (request.reviews.some((review) => sameUid(review.reviewer, caller))) return true;
  return request.items.some(
    (item) =>
      fillableSteps(rules, request, item, caller, now).length > 0 ||
      mayReviewAfterwards(rules, request, item, caller, now) ||
      isPermitted(rules, {
        right: 'view',
        principal: caller,
        resource: item.resource,
        now,
        request: factsOf(request, item),
      }),
  );
}

/** A request, as far as policies see it. */
export type Asking = Pick<
  AccessRequest,
  'id' | 'requester' | 'subject' | 'reason' | 'ticket' | 'durationMs' | 'breakGlass'
> &
  Partial<Pick<AccessRequest, 'startsAt' | 'extends'>>;

/** An item, as far as policies see it. */
type AskedFor = Pick<RequestItem, 'actions' | 'resource'> & { readonly workflow: Pick<Workflow, 'id'> };

/** What policies see of an item of a request. */
export function factsOf(
  request: Asking,
  item: Pick<RequestItem, 'actions'> & { readonly workflow?: Pick<Workflow, 'id'> },
): RequestFacts {
  return {
    id: request.id,
    requester: request.requester,
    subject: request.subject,
    actions: item.actions.map((action) => action.id),
    reason: request.reason,
    ...(request.ticket === '' ? {} : { ticket: request.ticket }),
    durationMs: request.durationMs,
    ...(request.startsAt === undefined ? {} : { startsAt: request.startsAt }),
    ...(item.workflow === undefined ? {} : { workflow: item.workflow.id }),
    breakGlass: request.breakGlass,
    extension: BigInt(request.extends?.extension ?? 0),
  };
}
