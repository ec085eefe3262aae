import type { EntityUid } from '../access/entity.ts';
import type { Grant } from '../access/grant.ts';
import { personOf, samePerson } from '../access/person.ts';
import type { AccessRequest } from '../access/request.ts';
import { seat } from '../access/seats.ts';
import type { Cast, KeptCast } from '../access/sign-in.ts';
import { type PolicySet, stepsOf } from '../policy/policy-set.ts';
import { signInMethods } from '../policy/reads-about.ts';
import { curfewAction } from '../policy/schema-shape.ts';
import { type AskedFor, type Asking, factsOf, originOf } from './request-facts.ts';
import { eligibility } from './let-in.ts';
import { owns } from './owned-services.ts';
import { ask, evaluationFailed, locksOn, type RightQuestion, type Rules } from './rights.ts';

/** Somebody who votes, and what the vote is judged by; without `cast`, somebody who could, after signing in anew. */
export interface Voter {
  readonly reviewer: EntityUid;
  readonly cast?: Cast;
}

/** Every step that an approve permit lets the person fill for the item. @throws AccessError EVALUATION_FAILED */
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
    if (evaluation.failure !== undefined) throw evaluationFailed(evaluation.failure);
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

/** Whether the workflow of that id would let the subject in now. @throws AccessError EVALUATION_FAILED */
export function isLetIn(rules: Rules, request: Asking, item: AskedFor, now: Date): boolean {
  const { requester, subject } = request;
  const { resource, workflow } = item;
  const facts = factsOf(request, item);
  const found = eligibility(rules, { requester, subject, resource, workflow: workflow.id, now, facts });
  if (found === 'unknown') throw evaluationFailed('no answer to whether a workflow lets somebody in');
  return found === 'in';
}

/** Whether a grant that waits may begin; `held` when all that is in the way are locks on whoever asked for it or approved it, and locks end. */
export type Beginning = 'in' | 'held' | 'out';

/**
 * Judges a grant that waits: its workflow would let its subject in now, and the people who approved it may still fill the seats.
 * @throws AccessError EVALUATION_FAILED
 */
export function beginningOf(rules: Rules, grant: Grant, now: Date): Beginning {
  const { request, item } = originOf(grant);
  if (!isLetIn(rules, request, item, now)) return 'out';
  const isAskerFree = locksOn(rules, grant.requester, now).length === 0;
  if (isAskerFree && isAgreed(rules, grant, now)) return 'in';
  const { engine, directory, generation } = rules;
  return isAgreed({ engine, directory, generation }, grant, now) ? 'held' : 'out';
}

function isAgreed(rules: Rules, grant: Grant, now: Date): boolean {
  const { request, item } = originOf(grant);
  const candidates = castsOf(grant, now).map((cast) => {
    const { reviewer, filled = grant.steps, stoodIn = [] } = cast;
    const fills = stepsFilledBy(rules, request, item, { reviewer, cast }, now);
    const standsIn = stoodIn.some((step) => fills.includes(step));
    // What they could not fill when they approved, they have not approved as.
    const steps = standsIn ? grant.steps : filled.filter((step) => fills.includes(step));
    return { person: personOf(rules.directory, reviewer), steps };
  });
  const seats = grant.steps.map((name, index) => ({ name, seats: grant.seats[index] ?? 1 }));
  return seat(seats, candidates).isComplete;
}

/** The approvals of a grant, each with whose it is. */
function castsOf(
  { casts, approvers }: Grant,
  now: Date,
): readonly (KeptCast & { readonly reviewer: EntityUid })[] {
  const kept: readonly KeptCast[] = casts ?? approvers.map(() => ({ at: now, signIn: undefined }));
  return kept.flatMap((cast, index) => {
    const reviewer = cast.reviewer ?? approvers[index];
    return reviewer === undefined ? [] : [{ ...cast, reviewer }];
  });
}
