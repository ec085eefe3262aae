import { uidKey } from '../access/entity.ts';
import type { Evaluation } from '../policy/engine.ts';
import type { Kind } from '../policy/policies-about.ts';
import { mayReadNow, signInMethods } from '../policy/reads-about.ts';
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
 * the same again. The instant and the sign-in are part of a question only where a policy could read them. What erred or failed is asked
 * again.
 */
export function evaluatedOnce(
  rules: Rules,
  question: RightQuestion,
  action: ActionShape,
  evaluate: () => Evaluation,
): Evaluation {
  const evaluations = evaluationsOf(rules);
  const key = keyOf(rules, question, action);
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

function keyOf(rules: Rules, question: RightQuestion, action: ActionShape): string {
  const { right, principal, resource, now, request, cast } = question;
  const { policies } = rules.engine;
  const kind: Kind = {
    phase: 'workflows',
    action,
    principalType: principal.type,
    resourceType: resource.type,
  };
  const instant = mayReadNow(policies, kind) ? (cast?.at ?? now).getTime() : '';
  const signIn = signInMethods(policies, kind) === undefined ? undefined : cast?.signIn;
  const asked = [right, uidKey(principal), uidKey(resource), instant, signIn ?? ''];
  if (request === undefined) return JSON.stringify(asked);
  const { requester, subject, extension, startsAt, ...facts } = request;
  const said = [uidKey(requester), uidKey(subject), String(extension), startsAt?.getTime() ?? '', facts];
  return JSON.stringify([...asked, ...said]);
}
