import type { EntityUid } from '../access/entity.ts';
import type { Grant } from '../access/grant.ts';
import { personOf, samePerson } from '../access/person.ts';
import type { AccessRequest, RequestItem } from '../access/request.ts';
import { seat } from '../access/seats.ts';
import type { Cast } from '../access/sign-in.ts';
import type { Workflow } from '../access/workflow.ts';
import type { RequestFacts } from '../policy/curfew-context.ts';
import { type PolicySet, stepsOf, workflowById } from '../policy/policy-set.ts';
import { signInMethods } from '../policy/reads-about.ts';
import { curfewAction } from '../policy/schema-shape.ts';
import { eligibility } from './let-in.ts';
import { owns } from './owned-services.ts';
import { ask, type RightQuestion, type Rules } from './rights.ts';

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

/** Somebody who votes, and what the vote is judged by; without `cast`, somebody who could, after signing in anew. */
export interface Voter {
  readonly reviewer: EntityUid;
  readonly cast?: Cast;
}

/** Every step that an approve permit lets the person fill for the item. */
export function stepsFilledBy(
  rules: Rules,
  request: Asking,
  item: AskedFor,
  { reviewer, cast }: Voter,
  now: Date,
): readonly string[] {
  if (isParty(rules, request, reviewer)) return [];
  const { policies } = rules.engine;
  if (!policies.schema.personTypes.includes(reviewer.type) || !rules.directory.has(reviewer)) return [];
  const question = { right: 'approve', principal: reviewer, resource: item.resource, now } as const;
  const facts = factsOf(request, item);
  const steps = (cast === undefined ? castsAnew(policies, question) : [cast]).flatMap((each) => {
    const evaluation = ask(rules, { ...question, request: facts, cast: each });
    return evaluation.decision === 'allow' ? stepsOf(policies, evaluation.policyIds) : [];
  });
  return [...new Set(steps)];
}

/**
 * Votes cast now that could satisfy policies which ask for a sign-in: after one by all methods that they name, by each alone, and by
 * none of them.
 */
export function castsAnew(
  policies: PolicySet,
  { principal, resource, now: at }: Pick<RightQuestion, 'principal' | 'resource' | 'now'>,
): readonly Cast[] {
  const action = curfewAction(policies.schema, 'approve');
  const kind = { phase: 'workflows', principalType: principal.type, resourceType: resource.type } as const;
  const named = action === undefined ? undefined : signInMethods(policies, { ...kind, action });
  if (named === undefined) return [{ at, signIn: undefined }];
  const alone = named.length > 1 ? named.map((method) => [method]) : [];
  const combinations = named.length === 0 ? [[]] : [named, ...alone, []];
  return combinations.map((methods) => ({ at, signIn: { at, methods } }));
}

/** Whether the person asks or is asked for, by this account, another of theirs, or a service that they answer for. */
export function isParty(
  rules: Rules,
  { requester, subject }: Pick<AccessRequest, 'requester' | 'subject'>,
  person: EntityUid,
): boolean {
  return [requester, subject].some(
    (party) => samePerson(rules.directory, party, person) || owns(rules, person, party),
  );
}

/** Whether the workflow of that id would let the subject in now. */
export function isLetIn(rules: Rules, request: Asking, item: AskedFor, now: Date): boolean {
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
  const escalations = workflowById(rules.engine.policies, grant.workflow)?.escalations ?? [];
  const candidates = grant.approvers.map((approver, index) => {
    const cast = grant.casts?.[index] ?? { at: now, signIn: undefined };
    const filled = stepsFilledBy(rules, request, item, { reviewer: approver, cast }, now);
    // Whoever stood in for another step did so in time.
    const standsIn = escalations.some(({ step }) => filled.includes(step));
    return { person: personOf(rules.directory, approver), steps: standsIn ? grant.steps : filled };
  });
  const steps = grant.steps.map((name, index) => ({ name, seats: grant.seats[index] ?? 1 }));
  return seat(steps, candidates).isComplete;
}
