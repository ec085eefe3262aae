import { AccessError } from '../access/access-error.ts';
import type { Directory } from '../access/directory.ts';
import type { EntityUid } from '../access/entity.ts';
import type { Lock } from '../access/lock.ts';
import type { LockIndex } from '../access/lock-index.ts';
import { accountsAndAncestors } from '../access/person.ts';
import type { Cast } from '../access/sign-in.ts';
import type { Workflow } from '../access/workflow.ts';
import { curfewContext, type RequestFacts } from '../policy/curfew-context.ts';
import type { Engine, Evaluation } from '../policy/engine.ts';
import { entitiesFor, lookIn } from '../policy/entity-closure.ts';
import { workflowsOf } from '../policy/policy-set.ts';
import { type ActionShape, curfewAction } from '../policy/schema-shape.ts';
import { evaluatedOnce } from './kept-evaluations.ts';

/** What rights are decided by: policies and directory, a replica's or what they would be. */
export interface Rules {
  /** The policies. */
  readonly engine: Engine;
  readonly directory: Directory;
  /** Another number after every change of either. */
  readonly generation: number;
  /** Who is locked has no right; absent where it is asked what policies alone would say. */
  readonly locks?: LockIndex;
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
  /** Of an approval: policies judge it as at the instant that it was cast, for as long as it counts. Locks are of now. */
  readonly cast?: Cast;
}

/** Answers a question to the workflows set. */
export type Ask = (rules: Rules, question: RightQuestion) => Evaluation;

/** Asked about whoever is to be let in; whether a lock stops that is asked for itself, for it ends no grant and denies no item. */
const ABOUT_LETTING_IN: readonly Right[] = ['request', 'requestFor'];

const DENIED: Evaluation = { decision: 'deny', policyIds: [], errors: [] };

/** Asks the workflows set. Who is locked has no right; an action that the schema does not declare for these types is permitted to nobody. */
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

/** That no answer can be had, which is neither a yes nor a no. */
export function evaluationFailed(cause: unknown): AccessError {
  const message = 'the policy engine failed on this question; the log says why; call again';
  return new AccessError('EVALUATION_FAILED', message, { cause });
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

/** The locks that hold on a person or service, on another account of the person, or on a group of one of these. */
export function locksOn({ locks, directory }: Rules, uid: EntityUid, at: Date): readonly Lock[] {
  if (locks === undefined || locks.size === 0) return [];
  return locks.onEntities(accountsAndAncestors(directory, uid), at);
}

function applicableAction(
  rules: Rules,
  { right, principal, resource, now }: RightQuestion,
): ActionShape | undefined {
  if (!ABOUT_LETTING_IN.includes(right) && locksOn(rules, principal, now).length > 0) return undefined;
  const { engine } = rules;
  const action = curfewAction(engine.policies.schema, right);
  const applies =
    action?.principalTypes.includes(principal.type) === true && action.resourceTypes.includes(resource.type);
  return applies ? action : undefined;
}

function evaluate({ engine, directory }: Rules, question: RightQuestion, action: ActionShape): Evaluation {
  const { principal, resource, now, request, cast } = question;
  const { at, signIn } = { at: now, signIn: undefined, ...cast };
  const context = curfewContext({ shape: engine.policies.schema, action, now: at, request, signIn });
  const roots = { principal, resource, context };
  const entities = entitiesFor(engine.policies, 'workflows', roots, lookIn(directory));
  return engine.evaluate('workflows', { principal, action: action.uid, resource, context, entities });
}
