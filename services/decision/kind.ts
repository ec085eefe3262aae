import type { Kind } from '../../core/policy/policies-about.ts';
import type { ActionShape } from '../../core/policy/schema-shape.ts';
import type { Question } from './question.ts';

/** What a question is about, as far as the heads of access policies look at it. */
export function kindOf({ principal, resource }: Question, action: ActionShape): Kind {
  return { phase: 'access', action, principalType: principal.type, resourceType: resource.type };
}
