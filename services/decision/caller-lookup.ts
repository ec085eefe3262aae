import type { Directory } from '../../core/access/directory.ts';
import { uidKey } from '../../core/access/entity.ts';
import type { CallerQuestion } from '../../core/policy/check-question.ts';
import { type EntityLookup, lookIn } from '../../core/policy/entity-closure.ts';

/** Finds entities of the directory, and those that the caller sent. Their types are disjoint, so neither hides the other. */
export function callerLookup(directory: Directory, { entities }: CallerQuestion): EntityLookup {
  if (entities.length === 0) return lookIn(directory);
  const sent = new Map(entities.map((entity) => [uidKey(entity.uid), entity]));
  return (uid) => directory.get(uid) ?? sent.get(uidKey(uid));
}
