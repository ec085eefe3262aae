import { uidKey } from '../../core/access/entity.ts';
import type { Evaluation } from '../../core/policy/engine.ts';
import { mayReadNow } from '../../core/policy/reads-about.ts';
import type { ActionShape } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { RightQuestion } from './rights.ts';

/** The most that are kept of one state. */
const MOST = 1_000;

interface Kept {
  readonly generation: number;
  readonly evaluations: Map<string, Evaluation>;
}

const kept = new WeakMap<Replica, Kept>();

/**
 * The answer to the question, asked once while directory and policies stay as they are: planning, deciding and showing a request ask
 * the same again. The instant is part of a question only where a policy could read it. What erred or failed is asked again.
 */
export function evaluatedOnce(
  replica: Replica,
  question: RightQuestion,
  action: ActionShape,
  evaluate: () => Evaluation,
): Evaluation {
  const evaluations = evaluationsOf(replica);
  const key = keyOf(question, readsNow(replica, question, action));
  const found = evaluations.get(key);
  if (found !== undefined) return found;
  const evaluation = evaluate();
  if (evaluation.errors.length > 0 || evaluation.failure !== undefined) return evaluation;
  if (evaluations.size >= MOST) evaluations.clear();
  evaluations.set(key, evaluation);
  return evaluation;
}

function evaluationsOf(replica: Replica): Map<string, Evaluation> {
  const { generation } = replica;
  const found = kept.get(replica);
  if (found?.generation === generation) return found.evaluations;
  const evaluations = new Map<string, Evaluation>();
  kept.set(replica, { generation, evaluations });
  return evaluations;
}

function readsNow(replica: Replica, { principal, resource }: RightQuestion, action: ActionShape): boolean {
  const kind = {
    phase: 'workflows',
    action,
    principalType: principal.type,
    resourceType: resource.type,
  } as const;
  return mayReadNow(replica.engine.policies, kind);
}

function keyOf({ right, principal, resource, now, request }: RightQuestion, hasInstant: boolean): string {
  const instant = hasInstant ? now.getTime() : '';
  const asked = [right, uidKey(principal), uidKey(resource), instant];
  if (request === undefined) return JSON.stringify(asked);
  const { requester, subject, extension, startsAt, ...facts } = request;
  const said = [uidKey(requester), uidKey(subject), String(extension), startsAt?.getTime() ?? '', facts];
  return JSON.stringify([...asked, ...said]);
}
