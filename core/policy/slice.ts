import { type Entity, type EntityUid, sameUid, uidKey } from '../access/entity.ts';
import type { EngineQuestion } from './evaluator.ts';
import type { EntityScope, PolicySource } from './policy-set.ts';
import { actionAncestors, type SchemaShape } from './schema-shape.ts';

/** Finds the policies whose heads let a question in, by position in their set. */
export type Slicer = (
  question: EngineQuestion & { readonly entities: readonly Entity[] },
) => readonly number[];

/**
 * Leaves out policies whose head is false for a question: they can neither decide nor err, so the answer stays the same
 * (Cedar proves it, `PolicySlice.lean`) and its cost follows the policies that can match.
 */
export function createSlicer(schema: SchemaShape, policies: readonly PolicySource[]): Slicer {
  const all = policies.map((policy, index) => ({ policy, index }));
  const byAction = new Map(
    Array.from(schema.actions, ([key, { uid }]) => [
      key,
      all.filter(({ policy }) => names(schema, policy, uid)),
    ]),
  );
  return ({ principal, action, resource, entities }) => {
    // an action that the schema does not know has no groups, and is not worth a list of its own
    const candidates =
      byAction.get(uidKey(action)) ?? all.filter(({ policy }) => names(schema, policy, action));
    const matchesPrincipal = scopeMatcher(principal, entities);
    const matchesResource = scopeMatcher(resource, entities);
    return candidates
      .filter(({ policy }) => matchesPrincipal(policy.principal) && matchesResource(policy.resource))
      .map(({ index }) => index);
  };
}

function names(schema: SchemaShape, { action: scope }: PolicySource, action: EntityUid): boolean {
  switch (scope.kind) {
    case 'any':
      return true;
    case 'equals':
      return sameUid(scope.uid, action);
    case 'in':
      return [action, ...actionAncestors(schema, action)].some((up) =>
        scope.uids.some((uid) => sameUid(uid, up)),
      );
  }
}

/** Decides heads for one entity; its ancestors are looked up at the first head that needs them. */
function scopeMatcher(uid: EntityUid, entities: readonly Entity[]): (scope: EntityScope) => boolean {
  let above: ReadonlySet<string> | undefined;
  const isIn = (group: EntityUid): boolean => {
    above ??= selfAndAncestors(uid, entities);
    return above.has(uidKey(group));
  };
  return (scope) => {
    switch (scope.kind) {
      case 'any':
        return true;
      case 'is':
        return uid.type === scope.type;
      case 'isIn':
        return uid.type === scope.type && isIn(scope.uid);
      case 'equals':
        return sameUid(uid, scope.uid);
      case 'in':
        return isIn(scope.uid);
    }
  };
}

/** As far as the question's own entities say: Cedar sees no others either. */
function selfAndAncestors(uid: EntityUid, entities: readonly Entity[]): ReadonlySet<string> {
  const parentsOf = new Map(entities.map((entity) => [uidKey(entity.uid), entity.parents]));
  const found = new Set([uidKey(uid)]);
  for (const key of found) for (const parent of parentsOf.get(key) ?? []) found.add(uidKey(parent)); // grows while it is walked
  return found;
}
