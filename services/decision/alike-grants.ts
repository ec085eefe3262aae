import { AccessError } from '../../core/access/access-error.ts';
import { formatUid } from '../../core/access/entity.ts';
import type { LiveGrant } from '../../core/access/grant.ts';
import type { PolicySet, Reads } from '../../core/policy/policy-set.ts';
import { factsOfGrant } from './grant-facts.ts';
import { grantReads } from '../../core/policy/reads-about.ts';
import { GRANT_EVALUATIONS } from './limits.ts';
import type { Kind } from '../../core/policy/policies-about.ts';
import type { Question } from './question.ts';

/** What a grant is to the policies that could apply to the question: the same for grants that they cannot tell apart. */
export function likenessOf(policies: PolicySet, kind: Kind, now: Date) {
  const reads = grantReads(policies, kind);
  return (grant: LiveGrant): string => likeness(grant, reads, now);
}

/** That no answer can be had, because neither a permit nor a deny would be known to be right. */
export function tooManyGrants({ principal, resource }: Question, count: number): AccessError {
  const limit = String(GRANT_EVALUATIONS);
  const seen = `${formatUid(principal)} holds ${count} grants that cover ${formatUid(resource)}, and policies tell them apart`;
  const message = `${seen}; none of the ${limit} that were asked about permits it, and no more are asked about: release some`;
  return new AccessError('TOO_MUCH', message, { metadata: { limit, unit: 'grants' } });
}

function likeness(grant: LiveGrant, reads: Reads, now: Date): string {
  if (reads === 'whole') return grant.id;
  const facts = Object.entries(factsOfGrant({ ...grant, steps: grant.steps.toSorted() }, now));
  return JSON.stringify(facts.filter(([name]) => reads.has(name)));
}
