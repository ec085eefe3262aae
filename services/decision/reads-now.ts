import type { EntityScope, Phase, PolicySet, PolicySource } from '../../core/policy/policy-set.ts';
import { type ActionShape, actionAncestors } from '../../core/policy/schema-shape.ts';
import { sameUid } from '../../core/access/entity.ts';
import { tokenize } from '../../core/policy/tokens.ts';

const known = new WeakMap<PolicySource, boolean>();

/** What a question is about, as far as the heads of policies look at it. */
export interface Kind {
  readonly phase: Phase;
  readonly action: ActionShape;
  readonly principalType: string;
  readonly resourceType: string;
}

/**
 * Whether a policy that could apply to questions of this kind may read `context.now`, so that time alone could change the answer at
 * any instant. True when in doubt.
 */
export function mayReadNow(policies: PolicySet, kind: Kind): boolean {
  const { action } = kind;
  if (!action.context.has('now')) return false;
  const actions = [action.uid, ...actionAncestors(policies.schema, action.uid)];
  return policies[kind.phase].some((policy) => {
    const scope = policy.action;
    const isAbout =
      scope.kind === 'any' ||
      (scope.kind === 'equals'
        ? sameUid(scope.uid, action.uid)
        : scope.uids.some((uid) => actions.some((each) => sameUid(each, uid))));
    return (
      isAbout &&
      acceptsType(policy.principal, kind.principalType) &&
      acceptsType(policy.resource, kind.resourceType) &&
      readsNow(policy)
    );
  });
}

function acceptsType(scope: EntityScope, type: string): boolean {
  if (scope.kind === 'is' || scope.kind === 'isIn') return scope.type === type;
  return scope.kind !== 'equals' || scope.uid.type === type;
}

function readsNow(policy: PolicySource): boolean {
  const found = known.get(policy) ?? namesNow(policy.text);
  known.set(policy, found);
  return found;
}

/** By its words: `now` or `"now"`, a string with an escape (which could spell it), or the context as a whole. */
function namesNow(text: string): boolean {
  const tokens = tokenize(text);
  return tokens.some((token, index) => {
    if (token.kind === 'string') return token.text === '"now"' || token.text.includes('\\');
    if (token.kind !== 'identifier') return false;
    if (token.text === 'now') return true;
    return token.text === 'context' && !['.', '[', 'has'].includes(tokens[index + 1]?.text ?? '');
  });
}
