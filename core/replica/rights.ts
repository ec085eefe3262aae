import type { Directory } from '../access/directory.ts';
import type { EntityUid } from '../access/entity.ts';
import type { LockIndex } from '../access/lock-index.ts';
import type { Workflow } from '../access/workflow.ts';
import { curfewContext, type RequestFacts } from '../policy/curfew-context.ts';
import type { Engine, Evaluation } from '../policy/engine.ts';
import { entitiesFor } from '../policy/entity-closure.ts';
import { workflowsOf } from '../policy/policy-set.ts';
import { type ActionShape, curfewAction } from '../policy/schema-shape.ts';
import { evaluatedOnce } from './kept-evaluations.ts';

/** What rights are decided by: policies and directory, a replica's or what they would be. */
export interface Rules {
  /** The policies. */
  readonly engine: Engine;
  readonly directory: Directory;
  /** Who is locked; nobody where rules are only thought of. What is asked here does not depend on it. */
  readonly locks?: LockIndex;
  /** Another number after every change of either. */
  readonly generation: number;
}

/** The actions of `Curfew::Action` that the grant service asks about. */
export type Right =
  | 'request'
  | 'requestFor'
  | 'approve'
  | 'revoke'
  | 'view'
  | 'audit'
  | 'administer'
  | 'authorize'
  | 'lock'
  | 'unlock';

export interface RightQuestion {
  readonly right: Right;
  readonly principal: EntityUid;
  readonly resource: EntityUid;
  readonly now: Date;
  readonly request?: RequestFacts;
}

/** Answers a question to the workflows set. */
export type Ask = (rules: Rules, question: RightQuestion) => Evaluation;

const DENIED: Evaluation = { decision: 'deny', policyIds: [], errors: [] };

/** Asks the workflows set. An action that the schema does not declare for these types is permitted to nobody. */
export function ask(rules: Rules, question: RightQuestion): Evaluation {
  const action = applicableAction(rules, question);
  if (action === undefined) return DENIED;
  return evaluatedOnce(rules, question, action, () => evaluate(rules, question, action));
}

/** The same for one of many questions that nobody asks again: the answer is not kept. */
export function askInPassing(rules: Rules, question: RightQuestion): Evaluation {
  const action = applicableAction(rules, question);
  return action === undefined ? DENIED : evaluate(rules, question, action);
}

export function isPermitted(rules: Rules, question: RightQuestion): boolean {
  return ask(rules, question).decision === 'allow';
}

/** The workflows that let the subject in; none when a forbid applies or a policy erred. */
export function workflowsFor(
  rules: Rules,
  question: Omit<RightQuestion, 'right'> & { readonly request: RequestFacts },
): readonly Workflow[] {
  const evaluation = ask(rules, { ...question, right: 'request' });
  return evaluation.decision === 'allow'
    ? workflowsOf(rules.engine.policies, evaluation.policyIds, question.request)
    : [];
}

function applicableAction(
  { engine }: Rules,
  { right, principal, resource }: RightQuestion,
): ActionShape | undefined {
  const action = curfewAction(engine.policies.schema, right);
  const applies =
    action?.principalTypes.includes(principal.type) === true && action.resourceTypes.includes(resource.type);
  return applies ? action : undefined;
}

function evaluate({ engine, directory }: Rules, question: RightQuestion, action: ActionShape): Evaluation {
  const { principal, resource, now, request } = question;
  const context = curfewContext({ shape: engine.policies.schema, action, now, request });
  const lookup = (uid: EntityUid) => directory.get(uid);
  const entities = entitiesFor(engine.policies, 'workflows', { principal, resource, context }, lookup);
  return engine.evaluate('workflows', { principal, action: action.uid, resource, context, entities });
}
