import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid } from '../../core/access/entity.ts';
import { type AccessRequest, type RequestItem } from '../../core/access/request.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import { isParty, beginningOf, stepsFilledBy, type Voter } from '../../core/replica/eligible.ts';
import { factsOf } from '../../core/replica/request-facts.ts';
import { isPermitted, type RightQuestion, type Rules, workflowsFor } from '../../core/replica/rights.ts';
import { requireFree } from './locked.ts';

export { factsOf, isParty, isPermitted, beginningOf, type RightQuestion, type Voter, workflowsFor };

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

/** What somebody may fill of an item. */
export interface Fillable {
  /** Its steps that they may fill; all of them when they stand in. */
  readonly steps: readonly string[];
  /** Those that they may fill themselves. */
  readonly filled: readonly string[];
  /** The steps of theirs that stand in for all others by then. */
  readonly stoodIn: readonly string[];
}

/**
 * What of the item the person may fill now. Requester and subject never may, nor whoever owns a service that is one of them, nor a
 * service.
 * @throws AccessError EVALUATION_FAILED
 */
export function fillable(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  voter: Voter,
  now: Date,
): Fillable {
  const { steps, escalations } = item.workflow;
  const fills = stepsFilledBy(rules, request, item, voter, now);
  const ageMs = now.getTime() - request.createdAt.getTime();
  const reached = escalations.filter(({ afterMs }) => ageMs >= afterMs);
  const stoodIn = reached.map(({ step }) => step).filter((step) => fills.includes(step));
  const names = steps.map((step) => step.name);
  const filled = names.filter((name) => fills.includes(name));
  return { steps: stoodIn.length > 0 ? names : filled, filled, stoodIn };
}

/** The steps of `fillable`. @throws AccessError EVALUATION_FAILED */
export function fillableSteps(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  voter: Voter,
  now: Date,
): readonly string[] {
  return fillable(rules, request, item, voter, now).steps;
}

/**
 * Whether the person may look at what break-glass gave. Of a resource or a person that is in the directory no more, policies may be
 * unable to say whose it was: then whoever administers may look too, for what nobody may look at would stay overdue for ever.
 */
export function mayReviewAfterwards(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  voter: Voter,
  now: Date,
): boolean {
  const step = item.workflow.breakGlass?.step;
  if (step === undefined) return false;
  if (stepsFilledBy(rules, request, item, voter, now).includes(step)) return true;
  const { reviewer } = voter;
  return (
    isPartlyGone(rules, request, item) &&
    !isParty(rules, request, reviewer) &&
    isPermitted(rules, { right: 'administer', principal: reviewer, resource: SYSTEM, now })
  );
}

/** Whether something that the item is about is in the directory no more. */
export function isPartlyGone(
  { directory }: Rules,
  { requester, subject }: AccessRequest,
  { resource }: RequestItem,
): boolean {
  return [requester, subject, resource].some((uid) => !directory.has(uid));
}

/** Who may see a request: requester and subject, whoever owns a service that is one of them, may approve an item, voted on it, or is permitted to view it. */
export function maySee(rules: Rules, request: AccessRequest, caller: EntityUid, now: Date): boolean {
  if (isParty(rules, request, caller)) return true;
  if (request.reviews.some((review) => sameUid(review.reviewer, caller))) return true;
  return request.items.some(
    (item) =>
      fillableSteps(rules, request, item, { reviewer: caller }, now).length > 0 ||
      mayReviewAfterwards(rules, request, item, { reviewer: caller }, now) ||
      isPermitted(rules, {
        right: 'view',
        principal: caller,
        resource: item.resource,
        now,
        request: factsOf(request, item),
      }),
  );
}
