import type { Directory } from '../../core/access/directory.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import type { Grant } from '../../core/access/grant.ts';
import type { CallerQuestion } from '../../core/policy/check-question.ts';
import type { Replica } from '../../core/replica/replica.ts';

/**
 * The live grants by which the principal may be permitted the action on the resource, the one that lasts longest first, among equals
 * by id. A document of the caller's is inside of what its sent parents are inside of.
 */
export function coveringGrants(replica: Replica, question: CallerQuestion, late: Date): readonly Grant[] {
  const { principal, action } = question;
  const { directory, grants } = replica;
  const resourceKeys = (): ReadonlySet<string> => resourceKeysOf(directory, question);
  const covering = grants.coveringAnyOf({ principal, action, resourceKeys, late });
  // What takes a use to permit does not permit before that is acknowledged.
  return covering.filter(
    ({ state, usesLeft, terms }) =>
      state === 'ACTIVE' && usesLeft === undefined && terms.idleMs === undefined,
  );
}

/** Keys of the resource and of everything that it is inside of, by the directory and by what was sent. */
export function resourceKeysOf(directory: Directory, question: CallerQuestion): ReadonlySet<string> {
  const found = resourcesOf(question).map((resource) => directory.selfAndAncestors(resource));
  return new Set(found.flatMap((keys) => [...keys]));
}

/** The resource, and everything that the sent entities say it is inside of. */
function resourcesOf({ resource, entities }: CallerQuestion): readonly EntityUid[] {
  if (entities.length === 0) return [resource];
  const sent = new Map(entities.map((entity) => [uidKey(entity.uid), entity]));
  const found = new Map([[uidKey(resource), resource]]);
  // A Map visits what is added while it is walked.
  for (const key of found.keys()) {
    for (const parent of sent.get(key)?.parents ?? []) found.set(uidKey(parent), parent);
  }
  return [...found.values()];
}
