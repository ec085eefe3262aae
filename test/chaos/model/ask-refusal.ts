import type { Reason } from '../../../core/access/access-error.ts';
import { stepsAsked } from './granting.ts';
import type { Model } from './model.ts';
import type { ModelGrant, ModelItem, ModelWish, WishedItem } from './records.ts';
import { termsOf } from './terms.ts';
import { canSeat, stepsOf } from './votes.ts';

/** Why a request is refused; undefined when it is taken. */
export function askRefusal(model: Model, wish: ModelWish): Reason | undefined {
  const { requester, subject, items, isBreakGlass, startsAt } = wish;
  const { locks, now, directory } = model;
  if (locks.isLocked(requester, now)) return 'LOCKED';
  if (!directory.people.has(subject)) return 'ENTITY_UNKNOWN';
  if (isBreakGlass && startsAt !== undefined) return 'FIELD_INVALID';
  if (items.some(({ resource }) => !directory.owners.has(resource))) return 'ENTITY_UNKNOWN';
  if (items.some(({ resource }) => locks.bars({ requester, subject, resource, grant: wish.extends }, now)))
    return 'LOCKED';
  if (items.some((item) => !isRequestable(model, wish, item))) return 'NOT_REQUESTABLE';
  const refused = items.map((item) => termsRefusal(wish, item)).find((reason) => reason !== undefined);
  if (refused !== undefined) return refused;
  return items.every((item) => isAnswerable(model, wish, item)) ? undefined : 'UNANSWERABLE';
}

function isRequestable(
  model: Model,
  { requester, subject, isBreakGlass }: ModelWish,
  item: WishedItem,
): boolean {
  const isFit = (termsOf(item).reviewWithin !== undefined) === isBreakGlass;
  return isFit && model.isLetIn({ requester, subject, resource: item.resource });
}

function termsRefusal({ minutes, startsAt }: ModelWish, item: WishedItem): Reason | undefined {
  const { max, claim } = termsOf(item);
  if (minutes > max) return 'DURATION_TOO_LONG';
  return startsAt !== undefined && claim !== undefined ? 'FIELD_INVALID' : undefined;
}

/** Nobody stands in for others yet. */
function isAnswerable(
  model: Model,
  { requester, subject }: ModelWish,
  { kind, resource }: WishedItem,
): boolean {
  const people = [...model.directory.people].map((by) =>
    stepsOf(model, by, { requester, subject, resource }),
  );
  return canSeat(stepsAsked(model, { kind, subject }), people);
}

/** Why a grant is not asked to last longer; undefined when it is. */
export function extendRefusal(
  model: Model,
  by: string,
  grant: ModelGrant,
  wish: ModelWish,
): Reason | undefined {
  const { subject, requester } = grant;
  if (by !== subject && by !== requester)
    return maySeeGrant(model, by, grant) ? 'NOT_PERMITTED' : 'GRANT_NOT_FOUND';
  if (grant.state === 'ENDED') return 'GRANT_ENDED';
  const hasBegun = grant.state === 'SCHEDULED' && model.now >= grant.startsAt;
  if (grant.state !== 'ACTIVE' && !hasBegun) return 'GRANT_STATE';
  if (hasBegun && model.beginning(grant) === 'held') return 'LOCKED';
  if (grant.extensions >= termsOf(grant).extensions) return 'EXTENSION_LIMIT';
  const refused = askRefusal(model, wish);
  if (refused !== undefined) return refused;
  const isAsked = ({ request, state }: ModelItem): boolean =>
    request.extends === grant && state === 'PENDING';
  return model.items().some(isAsked) ? 'EXTENSION_PENDING' : undefined;
}

/** Whoever holds it or asked for it, and whoever may revoke it. */
export function maySeeGrant(model: Model, by: string, { subject, requester }: ModelGrant): boolean {
  return [subject, requester].includes(by) || mayKeep(model, by);
}

/** Whether the person sees, revokes, locks and unlocks everything. */
export function mayKeep(model: Model, by: string): boolean {
  return model.directory.members.security.has(by) && !model.locks.isLocked(by, model.now);
}
