import type { StatefulAuthorizationCall } from '@cedar-policy/cedar-wasm/nodejs';
import type { Attributes, Entity, EntityUid } from '../access/entity.ts';
import { attributesToJson, entityToJson, INT64_MAX, uidToJson } from '../access/entity-json.ts';
import { type CedarInstance, isTrap } from './cedar-instance.ts';
import { type AskedSet, createInstances, prepare } from './serving-instance.ts';

/** A question as Cedar gets it. */
export interface EngineQuestion {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  /** Complete: what Curfew supplies (`now`, `grant`, `request`) included. */
  readonly context: Attributes;
  /** Principal and resource with their ancestors, and whatever the policies read of other entities (`entitiesFor`). */
  readonly entities: Iterable<Entity>;
}

export interface PolicyError {
  readonly policyId: string;
  readonly message: string;
}

/** What Cedar answered, before Curfew's error rules: never grant access by it. */
export type RawEvaluation =
  | {
      readonly kind: 'answer';
      readonly decision: 'allow' | 'deny';
      readonly policyIds: readonly string[];
      readonly errors: readonly PolicyError[];
    }
  | { readonly kind: 'failure'; readonly message: string };

export interface EvaluatorOptions {
  /** Told of each question without an answer, in words that may quote it. */
  readonly onFailure?: (message: string) => void;
  /** Told of each instance that is replaced. */
  readonly onReplaced?: (reason: string) => void;
  /** Throws after which an instance is replaced (default 50; each leaks wasm stack, about 1,450 use it up). */
  readonly maxThrows?: number;
}

/** Two private wasm instances: one serves, the other takes over when it fails. */
export interface Evaluator {
  /** Cedar's answer, or why there is none; never throws. */
  evaluate(set: AskedSet, question: EngineQuestion): RawEvaluation;
  /** Whether decisions with known answers come out right; replaces the serving instance when they do not. */
  checkCanary(): boolean;
  /** Instances replaced so far. */
  readonly replacedInstances: number;
}

const DEFAULT_MAX_THROWS = 50;

/** Permits what the largest Long may do, and only exactly that: a canary that rounds numbers is sick, too. */
const CANARY: AskedSet = {
  key: 'canary',
  texts: () => ({
    allows: 'permit (principal == Canary::"a", action, resource) when { context.n == 9223372036854775807 };',
    forbids: 'forbid (principal, action, resource) when { context.n == 9223372036854775806 };',
  }),
};

/** Makes an evaluator for policies that passed a worker. */
export function createEvaluator(options: EvaluatorOptions = {}): Evaluator {
  const instances = createInstances((reason) => options.onReplaced?.(reason));

  const evaluate = (set: AskedSet, question: EngineQuestion): RawEvaluation => {
    const fail = (message: string): RawEvaluation => {
      options.onFailure?.(message);
      return { kind: 'failure', message };
    };
    let json: QuestionJson;
    try {
      json = questionToJson(question);
    } catch (error) {
      return fail(`not a question for cedar: ${String(error)}`); // the instance has not seen it
    }
    const serving = instances.serving();
    try {
      const raw = ask(serving.cedar, prepare(serving, set), json);
      return raw.kind === 'failure' ? fail(raw.message) : raw;
    } catch (error) {
      serving.throws++;
      if (isTrap(error)) instances.replace(serving, 'it trapped');
      else if (serving.throws >= (options.maxThrows ?? DEFAULT_MAX_THROWS))
        instances.replace(serving, `it threw ${serving.throws} times`);
      return fail(`cedar gave no answer: ${String(error)}`);
    }
  };

  const checkCanary = (): boolean => {
    const serving = instances.serving();
    const isWell =
      isAnswer(evaluate(CANARY, canaryQuestion(INT64_MAX)), 'allow', 'allows') &&
      isAnswer(evaluate(CANARY, canaryQuestion(INT64_MAX - 1n)), 'deny', 'forbids');
    if (!isWell) instances.replace(serving, 'the canary was answered wrong');
    return isWell;
  };

  return {
    evaluate,
    checkCanary,
    get replacedInstances() {
      return instances.replaced();
    },
  };
}

type QuestionJson = Omit<StatefulAuthorizationCall, 'preparsedPolicySetId'>;

function questionToJson(question: EngineQuestion): QuestionJson {
  return {
    principal: uidToJson(question.principal),
    action: uidToJson(question.action),
    resource: uidToJson(question.resource),
    // our converters write Cedar's JSON; its types do not know exact integers
    context: attributesToJson(question.context) as never,
    entities: Array.from(question.entities, entityToJson) as never, // as above
  };
}

function ask(cedar: CedarInstance, preparsedPolicySetId: string, question: QuestionJson): RawEvaluation {
  const answer = cedar.statefulIsAuthorized({ ...question, preparsedPolicySetId });
  if (answer.type === 'failure')
    return {
      kind: 'failure',
      message: `cedar refused the question: ${answer.errors.map((it) => it.message).join('; ')}`,
    };
  const { decision, diagnostics } = answer.response;
  return {
    kind: 'answer',
    decision,
    policyIds: diagnostics.reason.toSorted(),
    errors: diagnostics.errors.map(({ policyId, error }) => ({ policyId, message: error.message })),
  };
}

function canaryQuestion(n: bigint): EngineQuestion {
  const uid: EntityUid = { type: 'Canary', id: 'a' };
  return {
    principal: uid,
    action: { type: 'Action', id: 'sing' },
    resource: uid,
    context: new Map([['n', { kind: 'long', value: n }]]),
    entities: [],
  };
}

function isAnswer(raw: RawEvaluation, decision: 'allow' | 'deny', policyId: string): boolean {
  return (
    raw.kind === 'answer' &&
    raw.decision === decision &&
    raw.policyIds.join() === policyId &&
    raw.errors.length === 0
  );
}
