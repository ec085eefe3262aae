import { type Attributes, type Entity, sameUid, uidKey } from '../access/entity.ts';
import { onlyRead } from './context-reads.ts';
import { attributesNamed } from './entity-closure.ts';
import type { EntityReads } from './entity-reads.ts';
import {
  createEvaluator,
  type EngineQuestion,
  type Evaluator,
  type EvaluatorOptions,
  type PolicyError,
  type RawEvaluation,
} from './evaluator.ts';
import { createKeptAnswers } from './kept-answers.ts';
import type { Phase, PolicySet, PolicySource } from './policy-set.ts';
import { actionAncestors } from './schema-shape.ts';
import { type CreateSlicer, createSlicer, type Slicer } from './slice.ts';
import { createSlices, inPolicies, type Slice } from './slices.ts';

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

export interface EngineOptions extends EvaluatorOptions {
  /** Told of each question, before it is answered. */
  readonly onAsked?: (phase: Phase, question: AskedQuestion) => void;
  /** Where policies are evaluated; a new evaluator unless given. */
  readonly evaluator?: Evaluator;
  /** What finds the policies for a question: another than `createSlicer` only to look at a part of a set, or to test what a fault would do. */
  readonly createSlicer?: CreateSlicer;
}

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

const NOTHING_MATCHES: RawEvaluation = { kind: 'answer', decision: 'deny', policyIds: [], errors: [] };

/** Makes an engine for a set that `loadPolicies` passed. */
export function createEngine(policies: PolicySet, options: EngineOptions = {}): Engine {
  const { evaluator = createEvaluator(options), onAsked } = options;
  const grouped = groupedActions(policies);
  const slicerOf = options.createSlicer ?? createSlicer;
  const slicers: Record<Phase, Slicer> = {
    access: slicerOf(policies.schema, policies.access),
    workflows: slicerOf(policies.schema, policies.workflows),
  };
  const named: Record<Phase, readonly Entity[]> = {
    access: namedActions(policies, grouped, 'access'),
    workflows: namedActions(policies, grouped, 'workflows'),
  };
  const sliceOf = createSlices(policies);
  const answers = createKeptAnswers();
  const ask = (phase: Phase, { set, idsOf, contextReads, entityReads }: Slice, question: AskedQuestion) => {
    const entities = entitiesRead(question, entityReads);
    const asked = grouped.get(uidKey(question.action));
    const actions = new Set(entityReads.others ? named[phase] : []);
    if (asked !== undefined && (entityReads.others || entityReads.action)) actions.add(asked);
    entities.push(...actions);
    const read = { ...question, context: onlyRead(question.context, contextReads), entities };
    return inPolicies(
      answers.once({ set, question: read, contextReads, entityReads }, () => evaluator.evaluate(set, read)),
      idsOf,
    );
  };
  const evaluateRaw = (phase: Phase, question: EngineQuestion): RawEvaluation => {
    try {
      refuseJunk(question.context);
      const asked: AskedQuestion = { ...question, entities: [...question.entities] };
      onAsked?.(phase, asked);
      const { applying, open } = slicers[phase](asked);
      const answer = open.length === 0 ? NOTHING_MATCHES : ask(phase, sliceOf(phase, open), asked);
      return withApplying(answer, applying);
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

/** Adds what policies say that need no evaluation: with what the others say, it is what all of them say. */
function withApplying(raw: RawEvaluation, applying: readonly PolicySource[]): RawEvaluation {
  if (raw.kind === 'failure' || applying.length === 0) return raw;
  const idsOf = (effect: PolicySource['effect']): readonly string[] =>
    applying.filter((policy) => policy.effect === effect).map(({ id }) => id);
  const permits = [...(raw.decision === 'allow' ? raw.policyIds : []), ...idsOf('permit')];
  const forbids = [...(raw.decision === 'deny' ? raw.policyIds : []), ...idsOf('forbid')];
  const decision = forbids.length === 0 && permits.length > 0 ? 'allow' : 'deny';
  return { ...raw, decision, policyIds: (decision === 'allow' ? permits : forbids).toSorted() };
}

/** A question with its entities at hand. */
export interface AskedQuestion extends EngineQuestion {
  readonly entities: readonly Entity[];
}

/** The entities that are looked at, with what is read of them. */
function entitiesRead({ entities, principal, resource }: AskedQuestion, reads: EntityReads): Entity[] {
  const isRead = ({ uid }: Entity): boolean =>
    reads.others ||
    (reads.principal && sameUid(uid, principal)) ||
    (reads.resource && sameUid(uid, resource));
  return entities.filter(isRead).map(({ uid, attributes, parents, tags }) => ({
    uid,
    attributes: attributesNamed(attributes, reads.attributes),
    parents: reads.ancestors ? parents : [],
    tags: reads.tags ? tags : NONE,
  }));
}

const NONE: Attributes = new Map();

/** Actions that conditions name, which bring their groups whatever action is asked about. */
function namedActions(
  policies: PolicySet,
  grouped: ReadonlyMap<string, Entity>,
  phase: Phase,
): readonly Entity[] {
  return policies.entityPaths[phase].flatMap(({ root }) =>
    typeof root === 'string' ? [] : (grouped.get(uidKey(root)) ?? []),
  );
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
