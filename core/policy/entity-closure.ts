import type { Entity, EntityUid } from '../access/entity.ts';

/** Finds an entity of the directory. */
export type EntityLookup = (uid: EntityUid) => Entity | undefined;

/**
 * The entities that a question must bring so that policies decide as if they saw the whole directory: the roots with all
 * their ancestors, and the entities that attributes and tags lead to, `levels` references far (`PolicySet.levels`), with
 * theirs. Each comes with its ancestors flattened into `parents`. Unknown uids are left out.
 */
export function collectEntities(
  _lookup: EntityLookup,
  _roots: Iterable<EntityUid>,
  _levels: number,
): readonly Entity[] {
  throw new Error('not there yet');
}
