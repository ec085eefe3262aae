import { mayReadNow } from '../../core/policy/reads-about.ts';
import type { ActionShape } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { coveringGrants } from './covering-grants.ts';
import type { Decision } from './decide.ts';
import { kindOf } from './kind.ts';
import type { Moment } from './moment.ts';
import type { Question } from './question.ts';
import { takesUses } from './uses.ts';

/**
 * Whether a client may give the answer again until its `validUntil`, or for good where it has none: only a change of grants, locks,
 * directory or policies can turn it before, and those are named to whoever watches. Not where policies read the time, nor where a
 * grant counts its uses or has not begun for all to see, whether it permits or was passed over.
 */
export function mayBeKept(
  replica: Replica,
  action: ActionShape,
  question: Question,
  { effect, grant, errors, moment }: Decision & { readonly moment: Moment },
): boolean {
  if (moment.freshness !== 'fresh' || question.explain || errors.length > 0) return false;
  if (mayReadNow(replica.engine.policies, kindOf(question, action))) return false;
  if (effect === 'ALLOW') return grant?.noting === undefined;
  const hasRefusedUse = question.without !== undefined && question.without.size > 0;
  return !hasRefusedUse && coveringGrants(replica, question, moment).every((each) => !takesUses(each));
}
