import type { Directory } from '../../core/access/directory.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import type { LiveGrant } from '../../core/access/grant.ts';
import type { GrantQuestionByKeys } from '../../core/access/grant-index.ts';
import type { CallerQuestion } from '../../core/policy/check-question.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { Moment } from './moment.ts';
import type { Question } from './question.ts';

/**
 * The live grants by which the principal may be permitted the action on the resource: the one that the question names first, then those
 * that permit without more, the one that lasts longest first, among equals by id. A document of the caller's is inside of what its sent parents are inside of.
 */
export function coveringGrants(
  replica: Replica,
  question: Question,
  { now: late, early }: Moment,
): readonly LiveGrant[] {
  const usedUp = question.useId !== '';
  const covering = replica.grants.coveringAnyOf({ ...keysOf(replica, question), late, early, usedUp });
  const { counted, without } = question;
  const left = without === undefined ? covering : covering.filter(({ id }) => !without.has(id));
  const first = counted?.at(-1);
  if (first === undefined) return left;
  return left.toSorted((a, b) => Number(b.id === first) - Number(a.id === first));
}

/** The grants that are about the question, whether they are live now, will be, or were. */
export function grantsAbout(replica: Replica, question: Question): readonly LiveGrant[] {
  return replica.grants.aboutAnyOf(keysOf(replica, question));
}

/** When the next of the scheduled grants begins that cover the question; undefined when none will. */
export function nextStart(
  replica: Replica,
  question: Question,
  { now: late, early }: Moment,
): Date | undefined {
  return replica.grants.nextStart({ ...keysOf(replica, question), late, early });
}

function keysOf(
  { directory }: Replica,
  question: CallerQuestion,
): Pick<GrantQuestionByKeys, 'principal' | 'action' | 'resourceKeys'> {
  const { principal, action } = question;
  return { principal, action, resourceKeys: () => resourceKeysOf(directory, question) };
}

/** Keys of the resource and of everything that it is inside of, by the directory and by what was sent. */
export function resourceKeysOf(directory: Directory, question: CallerQuestion): ReadonlySet<string> {
  if (question.entities.length === 0) return directory.selfAndAncestors(question.resource);
  const found = resourcesOf(question).map((resource) => directory.selfAndAncestors(resource));
  return new Set(found.flatMap((keys) => [...keys]));
}

/** The resource, and everything that the sent entities say it is inside of. */
function resourcesOf({ resource, entities }: CallerQuestion): readonly EntityUid[] {
  const sent = new Map(entities.map((entity) => [uidKey(entity.uid), entity]));
  const found = new Map([[uidKey(resource), resource]]);
  // A Map visits what is added while it is walked.
  for (const key of found.keys()) {
    for (const parent of sent.get(key)?.parents ?? []) found.set(uidKey(parent), parent);
  }
  return [...found.values()];
}
