import type { Evaluation } from '../../core/policy/engine.ts';

/**
 * What an evaluation with a grant says of the same question without one, so that it need not be asked for; undefined where it cannot
 * tell.
 * @param grantPolicies the policies that say nothing without a grant, when all others say the same with and without
 */
export function standingPart(
  { decision, policyIds, errors, failure }: Evaluation,
  grantPolicies: ReadonlySet<string>,
): Evaluation | undefined {
  if (failure !== undefined || errors.length > 0) return undefined;
  const standing = policyIds.filter((id) => !grantPolicies.has(id));
  if (standing.length > 0) return { decision, policyIds: standing, errors };
  // Only forbids that ask for the grant applied: whether something is permitted without one is not said.
  if (decision === 'deny' && policyIds.length > 0) return undefined;
  return { decision: 'deny', policyIds: [], errors };
}
