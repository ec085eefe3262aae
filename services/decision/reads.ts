import { joined, READS_NOTHING } from '../../core/policy/context-reads.ts';
import type { PolicySet, Reads } from '../../core/policy/policy-set.ts';
import { type Kind, policiesAbout } from './policies-about.ts';

const known = new WeakMap<PolicySet, Map<string, Reads>>();

/**
 * What policies that could apply to questions of this kind read of `context.grant` beyond its presence. Grants that are the same in
 * all of it are the same to them.
 */
export function grantReads(policies: PolicySet, kind: Kind): Reads {
  const reads = contextReads(policies, kind);
  return reads === 'whole' ? 'whole' : (reads.get('grant') ?? READS_NOTHING);
}

/**
 * Whether a policy that could apply to questions of this kind may read `context.now`, so that time alone could change the answer at
 * any instant. True when in doubt.
 */
export function mayReadNow(policies: PolicySet, kind: Kind): boolean {
  if (!kind.action.context.has('now')) return false;
  const reads = contextReads(policies, kind);
  return reads === 'whole' || reads.has('now');
}

function contextReads(policies: PolicySet, kind: Kind): Reads {
  const { phase, action, principalType, resourceType } = kind;
  const found = known.get(policies) ?? new Map<string, Reads>();
  known.set(policies, found);
  const key = JSON.stringify([phase, action.uid.type, action.uid.id, principalType, resourceType]);
  const reads =
    found.get(key) ??
    policiesAbout(policies, kind)
      .map((policy) => policy.contextReads)
      .reduce(joined, READS_NOTHING);
  found.set(key, reads);
  return reads;
}
