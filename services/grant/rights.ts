import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid } from '../../core/access/entity.ts';
import { type AccessRequest, type RequestItem } from '../../core/access/request.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import { isParty, mayStillBegin, stepsFilledBy, type Voter } from '../../core/replica/eligible.ts';
import { factsOf } from '../../core/replica/request-facts.ts';
import { isPermitted, type RightQuestion, type Rules, workflowsFor } from '../../core/replica/rights.ts';
import { requireFree } from './locked.ts';

export { factsOf, isParty, isPermitted, mayStillBegin, type RightQuestion, type Voter, workflowsFor };

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
 * @throws AccessError EVALUATION_FAILED
 */
export function fillableSteps(
  rules: Rules,
  request: AccessRequest,
  item: RequestItem,
  voter: Voter,
  now: Date,
): readonly string[] {
  const { steps, escalations } = item.workflow;
  const filled = stepsFilledBy(rules, request, item, voter, now);
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
  voter: Voter,
  now: Date,
): boolean {
  const step = item.workflow.breakGlass?.step;
  return step !== undefined && stepsFilledBy(rules, request, item, voter, now).includes(step);
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
