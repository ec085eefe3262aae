import { sameUid } from '../access/entity.ts';
import type { EntityScope, Phase, PolicySet, PolicySource } from './policy-set.ts';
import { type ActionShape, actionAncestors } from './schema-shape.ts';

/** What a question is about, as far as the heads of policies look at it. */
export interface Kind {
  readonly phase: Phase;
  readonly action: ActionShape;
  readonly principalType: string;
  readonly resourceType: string;
}

/** The policies that could apply to questions of this kind, by their heads. */
export function policiesAbout(policies: PolicySet, kind: Kind): readonly PolicySource[] {
  const { action } = kind;
  const actions = [action.uid, ...actionAncestors(policies.schema, action.uid)];
  return policies[kind.phase].filter((policy) => {
    const scope = policy.action;
    const isAbout =
      scope.kind === 'any' ||
      (scope.kind === 'equals'
        ? sameUid(scope.uid, action.uid)
        : scope.uids.some((uid) => actions.some((each) => sameUid(each, uid))));
    return (
      isAbout &&
      acceptsType(policy.principal, kind.principalType) &&
      acceptsType(policy.resource, kind.resourceType)
    );
  });
}

function acceptsType(scope: EntityScope, type: string): boolean {
  if (scope.kind === 'is' || scope.kind === 'isIn') return scope.type === type;
  return scope.kind !== 'equals' || scope.uid.type === type;
}
