import { type Attributes, type Entity, uidKey } from '../access/entity.ts';
import { joined, onlyRead, READS_NOTHING } from './context-reads.ts';
import {
  createEvaluator,
  type EngineQuestion,
  type EvaluatorOptions,
  type PolicyError,
  type RawEvaluation,
} from './evaluator.ts';
import type { Phase, PolicySet, PolicySource, Reads } from './policy-set.ts';
import { actionAncestors } from './schema-shape.ts';
import type { AskedSet } from './serving-instance.ts';
import { createSlicer, type Slicer } from './slice.ts';

export type { EngineQuestion, PolicyError, RawEvaluation } from './evaluator.ts';

/** What the engine makes of one question. It permits only without any error: a policy that errs is skipped by Cedar, and it may have been a forbid. */
export interface Evaluation {
  readonly decision: 'allow' | 'deny';
  /** On allow every permit that applied, on deny every forbid that applied (none: nothing permits it), by id. */
  readonly policyIds: readonly string[];
  /** Policies that erred; any makes the decision a deny. */
  readonly errors: readonly PolicyError[];
  /** Cedar gave no answer (a trap, a throw, a refusal of the input); the decision is then a deny. For the log, not for callers. */
  readonly failure?: string;
}

export type EngineOptions = EvaluatorOptions;

/** Evaluates one policy set. Synchronous; safe to drop when a newer set is in force. */
export interface Engine {
  readonly policies: PolicySet;
  /** Never throws. Expects a question that `checkQuestion` passed; survives others. */
  evaluate(phase: Phase, question: EngineQuestion): Evaluation;
  /** Cedar's own answer, for tools and tests: errors do not spoil it, so never grant access by it. */
  evaluateRaw(phase: Phase, question: EngineQuestion): RawEvaluation;
  /** Whether decisions with known answers still come out right; replaces the instance when they do not. */
  checkCanary(): boolean;
  /** Instances replaced so far. */
  readonly replacedInstances: number;
}

/** How many slices are remembered before all are forgotten; to make one again costs microseconds. */
const MOST_SLICES = 1_000;

const NOTHING_MATCHES: RawEvaluation = { kind: 'answer', decision: 'deny', policyIds: [], errors: [] };

/** Makes an engine for a set that `loadPolicies` passed. */
export function createEngine(policies: PolicySet, options: EngineOptions = {}): Engine {
  const evaluator = createEvaluator(options);
  const grouped = groupedActions(policies);
  const slicers: Record<Phase, Slicer> = {
    access: createSlicer(policies.schema, policies.access),
    workflows: createSlicer(policies.schema, policies.workflows),
  };
  const literals: Record<Phase, readonly string[]> = {
    access: literalRoots(policies, 'access'),
    workflows: literalRoots(policies, 'workflows'),
  };
  const sliceOf = createSlices(policies);
  const evaluateRaw = (phase: Phase, question: EngineQuestion): RawEvaluation => {
    try {
      refuseJunk(question.context);
      const sent = [...question.entities];
      const matching = slicers[phase]({ ...question, entities: sent });
      if (matching.length === 0) return NOTHING_MATCHES;
      const slice = sliceOf(phase, matching);
      const entities = slice.readsEntities ? sent : [];
      for (const key of new Set([uidKey(question.action), ...literals[phase]])) {
        const action = grouped.get(key);
        if (action !== undefined) entities.push(action);
      }
      const context = onlyRead(question.context, slice.contextReads);
      return evaluator.evaluate(slice, { ...question, context, entities });
    } catch (error) {
      return { kind: 'failure', message: `a question that is none: ${String(error)}` };
    }
  };
  return {
    policies,
    evaluate: (phase, question) => judge(evaluateRaw(phase, question)),
    evaluateRaw,
    checkCanary: () => evaluator.checkCanary(),
    get replacedInstances() {
      return evaluator.replacedInstances;
    },
  };
}

/** Where types were forced, anything may be in a context, and a guard could take it for something else than Cedar does. */
function refuseJunk(context: Attributes): void {
  for (const [name, value] of context)
    if (typeof value?.kind !== 'string') throw new TypeError(`context.${name} is no value`);
}

/** Curfew's error rules: no permit comes from an evaluation in which anything went wrong. */
function judge(raw: RawEvaluation): Evaluation {
  if (raw.kind === 'failure') return { decision: 'deny', policyIds: [], errors: [], failure: raw.message };
  const { decision, policyIds, errors } = raw;
  if (errors.length === 0 || decision === 'deny') return { decision, policyIds, errors };
  return { decision: 'deny', policyIds: [], errors };
}

/** Policies that are asked together, and what they read. */
interface Slice extends AskedSet {
  readonly contextReads: Reads;
  readonly readsEntities: boolean;
}

/** Makes slices by the positions of their policies, each combination once. */
function createSlices(policies: PolicySet): (phase: Phase, matching: readonly number[]) => Slice {
  const known = new Map<string, Slice>();
  return (phase, matching) => {
    const key = `${phase}:${matching.join()}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const slice = makeSlice(
      key,
      matching.flatMap((index) => policies[phase][index] ?? []),
    );
    if (known.size >= MOST_SLICES) known.clear();
    known.set(key, slice);
    return slice;
  };
}

function makeSlice(key: string, policies: readonly PolicySource[]): Slice {
  const texts = Object.fromEntries(policies.map((policy) => [policy.id, policy.text]));
  const contextReads = policies.map((policy) => policy.contextReads).reduce(joined, READS_NOTHING);
  const readsEntities = policies.some((policy) => policy.readsEntities);
  return { key, texts: () => texts, contextReads, readsEntities };
}

/** The entities that conditions name: an action among them brings its groups, whatever action is asked about. */
function literalRoots(policies: PolicySet, phase: Phase): readonly string[] {
  return policies.entityPaths[phase].flatMap(({ root }) => (typeof root === 'string' ? [] : [uidKey(root)]));
}

/** Actions that are in groups, with all of them, which Cedar knows only when told. */
function groupedActions(policies: PolicySet): ReadonlyMap<string, Entity> {
  const { schema } = policies;
  return new Map(
    Array.from(schema.actions, ([key, { uid }]): [string, Entity] => [
      key,
      { uid, attributes: new Map(), parents: actionAncestors(schema, uid), tags: new Map() },
    ]).filter(([, { parents }]) => parents.length > 0),
  );
}
