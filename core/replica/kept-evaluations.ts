import { uidKey } from '../access/entity.ts';
import type { Evaluation } from '../policy/engine.ts';
import { mayReadNow } from '../policy/reads-about.ts';
import type { ActionShape } from '../policy/schema-shape.ts';
import type { RightQuestion, Rules } from './rights.ts';

/** The most that are kept of one state. */
const MOST = 1_000;

interface Kept {
  readonly generation: number;
  readonly evaluations: Map<string, Evaluation>;
}

const kept = new WeakMap<Rules, Kept>();

/**
 * The answer to the question, asked once while directory and policies stay as they are: planning, deciding and showing a request ask
 * the same again. The instant is part of a question only where a policy could read it. What erred or failed is asked again.
 */
export function evaluatedOnce(
  rules: Rules,
  question: RightQuestion,
  action: ActionShape,
  evaluate: () => Evaluation,
): Evaluation {
  const evaluations = evaluationsOf(rules);
  const key = keyOf(question, readsNow(rules, question, action));
  const found = evaluations.get(key);
  if (found !== undefined) return found;
  const evaluation = evaluate();
  if (evaluation.errors.length > 0 || evaluation.failure !== undefined) return evaluation;
  if (evaluations.size >= MOST) evaluations.clear();
  evaluations.set(key, evaluation);
  return evaluation;
}

function evaluationsOf(rules: Rules): Map<string, Evaluation> {
  const { generation } = rules;
  const found = kept.get(rules);
  if (found?.generation === generation) return found.evaluations;
  const evaluations = new Map<string, Evaluation>();
  kept.set(rules, { generation, evaluations });
  return evaluations;
}

function readsNow(rules: Rules, { principal, resource }: RightQuestion, action: ActionShape): boolean {
  const kind = {
    phase: 'workflows',
    action,
    principalType: principal.type,
    resourceType: resource.type,
  } as const;
  return mayReadNow(rules.engine.policies, kind);
}

function keyOf({ right, principal, resource, now, request }: RightQuestion, hasInstant: boolean): string {
  const instant = hasInstant ? now.getTime() : '';
  const asked = [right, uidKey(principal), uidKey(resource), instant];
  if (request === undefined) return JSON.stringify(asked);
  const { requester, subject, extension, startsAt, ...facts } = request;
  const said = [uidKey(requester), uidKey(subject), String(extension), startsAt?.getTime() ?? '', facts];
  return JSON.stringify([...asked, ...said]);
}
