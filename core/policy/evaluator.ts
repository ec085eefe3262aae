import type { Attributes, Entity, EntityUid } from '../access/entity.ts';
import { attributesToJson, entityToJson, INT64_MAX, uidToJson } from '../access/entity-json.ts';
import { type CedarInstance, isTrap, newCedarInstance } from './cedar-instance.ts';

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
  /** Told of each failure and of each instance that is replaced. */
  readonly onFailure?: (message: string) => void;
  /** Throws after which an instance is replaced (default 50; each leaks wasm stack, about 1,450 use it up). */
  readonly maxThrows?: number;
}

/** Policy texts by id. */
export type PolicyTexts = Readonly<Record<string, string>>;

/** Policies that are asked together. */
export interface AskedSet {
  /** The same for the same policies only. */
  readonly key: string;
  readonly texts: () => PolicyTexts;
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

interface ServingInstance {
  readonly cedar: CedarInstance;
  /** Which name each prepared set has there, the one asked longest ago first. */
  readonly prepared: Map<string, string>;
  throws: number;
}

const DEFAULT_MAX_THROWS = 50;

/** How many sets an instance keeps parsed. It cannot forget one, so the name of the one asked longest ago is used again. */
const MAX_PREPARED = 256;

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
  const make = (): ServingInstance => ({ cedar: newCedarInstance(), prepared: new Map(), throws: 0 });
  let active = make();
  let spare: ServingInstance | undefined = make();
  let replacedInstances = 0;

  const replace = (reason: string): void => {
    replacedInstances++;
    options.onFailure?.(`cedar instance replaced: ${reason}`);
    active = spare ?? make();
    spare = undefined;
    setImmediate(() => {
      spare ??= make();
    }).unref();
  };

  const evaluate = (set: AskedSet, question: EngineQuestion): RawEvaluation => {
    const serving = active;
    try {
      return ask(serving.cedar, prepare(serving, set), question);
    } catch (error) {
      serving.throws++;
      const message = `cedar gave no answer: ${String(error)}`;
      options.onFailure?.(message);
      if (isTrap(error)) replace('it trapped');
      else if (serving.throws >= (options.maxThrows ?? DEFAULT_MAX_THROWS))
        replace(`it threw ${serving.throws} times`);
      return { kind: 'failure', message };
    }
  };

  const checkCanary = (): boolean => {
    const serving = active;
    const isWell =
      isAnswer(evaluate(CANARY, canaryQuestion(INT64_MAX)), 'allow', 'allows') &&
      isAnswer(evaluate(CANARY, canaryQuestion(INT64_MAX - 1n)), 'deny', 'forbids');
    if (!isWell && active === serving) replace('the canary was answered wrong');
    return isWell;
  };

  return {
    evaluate,
    checkCanary,
    get replacedInstances() {
      return replacedInstances;
    },
  };
}

/** The name under which an instance has the set parsed. @throws Error when Cedar refuses a policy of it */
function prepare(serving: ServingInstance, set: AskedSet): string {
  const { cedar, prepared } = serving;
  const known = prepared.get(set.key);
  const [oldest] = prepared;
  const isFull = prepared.size >= MAX_PREPARED;
  const name = known ?? (isFull && oldest !== undefined ? oldest[1] : `set${prepared.size}`);
  if (known === undefined) {
    const answer = cedar.preparsePolicySet(name, { staticPolicies: { ...set.texts() } });
    if (answer.type === 'failure')
      throw new Error(`cedar refuses a policy: ${answer.errors.map((error) => error.message).join('; ')}`);
    // Only now: a set that Cedar refused has left the oldest in its place, and under its name.
    if (isFull && oldest !== undefined) prepared.delete(oldest[0]);
  } else {
    prepared.delete(set.key);
  }
  prepared.set(set.key, name); // last in order: asked just now
  return name;
}

function ask(cedar: CedarInstance, setName: string, question: EngineQuestion): RawEvaluation {
  const answer = cedar.statefulIsAuthorized({
    principal: uidToJson(question.principal),
    action: uidToJson(question.action),
    resource: uidToJson(question.resource),
    // our converters write Cedar's JSON; its types do not know exact integers
    context: attributesToJson(question.context) as never,
    entities: Array.from(question.entities, entityToJson) as never, // as above
    preparsedPolicySetId: setName,
  });
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
