import type { CallerQuestion } from '../../core/policy/check-question.ts';
import { keyOfEntity, keyOfFields, keyOfList, keyOfUid } from '../../core/policy/exact-key.ts';
import type { Reads } from '../../core/policy/policy-set.ts';

/**
 * A text that is the same for the same question only, whatever stands in it.
 * @param reads what of the context makes a difference
 */
export function keyOfQuestion(
  { principal, action, resource, context, entities }: CallerQuestion,
  reads: Reads,
): string {
  const parts = [keyOfUid(principal), keyOfUid(action), keyOfUid(resource)];
  if (context.size > 0 || entities.length > 0)
    parts.push(keyOfFields(context, reads), keyOfList(entities, keyOfEntity));
  // Texts that are put together stay in memory with all their parts for as long as they are a key; joined ones are one.
  return parts.join('');
}
