import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid, uidKey, type Value } from '../../core/access/entity.ts';
import type { Grant } from '../../core/access/grant.ts';
import { seat } from '../../core/access/seats.ts';
import { type Workflow } from '../../core/access/workflow.ts';
import { type AccessRequest, type RequestItem } from '../../core/access/request.ts';
import { curfewContext, type RequestFacts } from '../../core/policy/curfew-context.ts';
import type { Evaluation } from '../../core/policy/engine.ts';
import { entitiesFor } from '../../core/policy/entity-closure.ts';
import { stepsOf, workflowsOf } from '../../core/policy/policy-set.ts';
import { curfewAction, SYSTEM } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { evaluatedOnce } from './kept-evaluations.ts';

/** The actions of `Curfew::Action` that the grant service asks about. */
export type Right =
  | 'request'
  | 'requestFor'
  | 'approve'
  | 'revoke'
  | 'view'
  | 'audit'
  | 'administer'
  | 'authorize';

export interface RightQuestion {
  readonly right: Right;
  readonly principal: EntityUid;
  readonly resource: EntityUid;
  readonly now: Date;
  readonly request?: RequestFacts;
}

const DENIED: Evaluation = { decision: 'deny', policyIds: [], errors: [] };

/** Asks the workflows set. An action that the schema does not declare for these types is permitted to nobody. */
export function ask(replica: Replica, question: RightQuestion): Evaluation {
  const { right, principal, resource, now, request } = question;
  const engine = replica.engine;
  const { schema } = engine.policies;
  const action = curfewAction(schema, right);
  if (action === undefined) return DENIED;
  if (!action.principalTypes.includes(principal.type) || !action.resourceTypes.includes(resource.type))
    return DENIED;
  return evaluatedOnce(replica, question, action, () => {
    const context = curfewContext({ shape: schema, action, now, request });
    const lookup = (uid: EntityUid) => replica.directory.get(uid);
    const entities = entitiesFor(engine.policies, 'workflows', { principal, resource, context }, lookup);
    return engine.evaluate('workflows', { principal, action: action.uid, resource, context, entities });
  });
}

export function isPermitted(replica: Replica, question: RightQuestion): boolean {
  return ask(replica, question).decision === 'allow';
}

export function notPermitted({ principal, right, resource }: RightQuestion): AccessError {
  const message = `${formatUid(principal)} is not permitted ${right} on ${formatUid(resource)}: a permit for Curfew::Action::"${right}" in workflows/ would be needed`;
  return new AccessError('NOT_PERMITTED', message, { metadata: { right, resource: formatUid(resource) } });
}

/** @throws AccessError NOT_PERMITTED unless the caller has one of the rights on the installation */
export function requireSystemRight(
  replica: Replica,
  caller: EntityUid,
  rights: readonly ('audit' | 'administer')[],
  now: Date,
): void {
  const questions = rights.map((right) => ({ right, principal: caller, resource: SYSTEM, now }));
  if (questions.some((question) => isPermitted(replica, question))) return;
  for (const question of questions) throw notPermitted(question);
}

/** The workflows that let the subject in; none when a forbid applies or a policy erred. */
export function workflowsFor(
  replica: Replica,
  question: Omit<RightQuestion, 'right'> & { readonly request: RequestFacts },
): readonly Workflow[] {
  const evaluation = ask(replica, { ...question, right: 'request' });
  return evaluation.decision === 'allow'
    ? workflowsOf(replica.engine.policies, evaluation.policyIds, question.request)
    : [];
}

/**
 * The steps of the item that the person may fill now; all of them when a step of theirs stands in for others by then. Requester and
 * subject never may, nor whoever owns a service that is one of them, nor a service.
 */
export function fillableSteps(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  reviewer: EntityUid,
  now: Date,
): readonly string[] {
  const { steps, escalations } = item.workflow;
  const filled = stepsFilledBy(replica, request, item, reviewer, now);
  const ageMs = now.getTime() - request.createdAt.getTime();
  const standsIn = escalations.some(({ afterMs, step }) => ageMs >= afterMs && filled.includes(step));
  const names = steps.map((step) => step.name);
  return standsIn ? names : names.filter((name) => filled.includes(name));
}

/** Whether the person may look at what break-glass gave. */
export function mayReviewAfterwards(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  reviewer: EntityUid,
  now: Date,
): boolean {
  const step = item.workflow.breakGlass?.step;
  return step !== undefined && stepsFilledBy(replica, request, item, reviewer, now).includes(step);
}

/** Every step that an approve permit lets the person fill for the item. */
function stepsFilledBy(
  replica: Replica,
  request: Asking,
  item: AskedFor,
  reviewer: EntityUid,
  now: Date,
): readonly string[] {
  if (isParty(replica, request, reviewer)) return [];
  const { policies } = replica.engine;
  if (!policies.schema.personTypes.includes(reviewer.type) || !replica.directory.has(reviewer)) return [];
  const evaluation = ask(replica, {
    right: 'approve',
    principal: reviewer,
    resource: item.resource,
    now,
    request: factsOf(request, item),
  });
  return evaluation.decision === 'allow' ? stepsOf(policies, evaluation.policyIds) : [];
}

/** Whether the person asks or is asked for, themselves or by a service of theirs. */
export function isParty(
  replica: Replica,
  { requester, subject }: Pick<AccessRequest, 'requester' | 'subject'>,
  person: EntityUid,
): boolean {
  return [requester, subject].some((party) => sameUid(party, person) || owns(replica, person, party));
}

/** Attributes of a service that say who answers for it. */
const OWNER_ATTRIBUTES = ['owner', 'owners'];

function owns(replica: Replica, person: EntityUid, service: EntityUid): boolean {
  if (!replica.engine.policies.schema.serviceTypes.includes(service.type)) return false;
  const attributes = replica.directory.get(service)?.attributes;
  return OWNER_ATTRIBUTES.some((name) => {
    const value = attributes?.get(name);
    return value !== undefined && names(replica, value, person);
  });
}

/** Whether the value is the person, a group that they are inside of, or a set with one of these. */
function names(replica: Replica, value: Value, person: EntityUid): boolean {
  if (value.kind === 'set') return value.values.some((each) => names(replica, each, person));
  return value.kind === 'entity' && replica.directory.selfAndAncestors(person).has(uidKey(value.uid));
}

/** Whether the item's own workflow would still let the subject in. */
export function isStillEligible(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  now: Date,
): boolean {
  return isLetIn(replica, request, item, now);
}

function isLetIn(replica: Replica, request: Asking, item: AskedFor, now: Date): boolean {
  if (!replica.directory.has(request.subject) || !replica.directory.has(item.resource)) return false;
  const { requester, subject } = request;
  const facts = factsOf(request, item);
  const asked = { principal: subject, resource: item.resource, now, request: facts };
  if (!workflowsFor(replica, asked).some((workflow) => workflow.id === item.workflow.id)) return false;
  return (
    sameUid(requester, subject) ||
    isPermitted(replica, { ...asked, right: 'requestFor', principal: requester })
  );
}

/**
 * Whether a grant that waits may begin: its workflow would let its subject in now, and everybody who approved it may still fill the
 * seats.
 */
export function mayStillBegin(replica: Replica, grant: Grant, now: Date): boolean {
  const request = { ...grant, id: grant.requestId, breakGlass: grant.terms.breakGlass };
  const item = { ...grant, workflow: { id: grant.workflow } };
  if (!isLetIn(replica, request, item, now)) return false;
  const candidates = grant.approvers.map((approver) => ({
    person: uidKey(approver),
    steps: stepsFilledBy(replica, request, item, approver, now),
  }));
  const steps = grant.steps.map((name, index) => ({ name, seats: grant.seats[index] ?? 1 }));
  return seat(steps, candidates).isComplete;
}

/** Who may see a request: requester and subject, whoever owns a service that is one of them, may approve an item, voted on it, or is permitted to view it. */
export function maySee(replica: Replica, request: AccessRequest, caller: EntityUid, now: Date): boolean {
  if (isParty(replica, request, caller)) return true;
  if (request.reviews.some((review) => sameUid(review.reviewer, caller))) return true;
  return request.items.some(
    (item) =>
      fillableSteps(replica, request, item, caller, now).length > 0 ||
      mayReviewAfterwards(replica, request, item, caller, now) ||
      isPermitted(replica, {
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
