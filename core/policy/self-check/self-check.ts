import { type Entity, type EntityUid, formatUid, uidKey } from '../../access/entity.ts';
import type { CedarInstance } from '../cedar-instance.ts';
import { createEngine, type RawEvaluation } from '../engine.ts';
import { entitiesFor } from '../entity-closure.ts';
import { createEvaluator, type Evaluator } from '../evaluator.ts';
import type { Phase, PolicySet, PolicySource } from '../policy-set.ts';
import type { Problem } from '../problem.ts';
import { actionAncestors } from '../schema-shape.ts';
import { type CreateSlicer, createSlicer } from '../slice.ts';
import { type Constants, constantsOf } from './constants.ts';
import { Draws } from './draws.ts';
import { madeQuestion, type PlacedQuestion, QUESTIONS_OF_POLICY } from './made-questions.ts';
import type { AskedBefore } from './recent-questions.ts';

export interface SelfCheckOptions {
  /** Reads policies; it gets only texts that it has parsed before. */
  readonly cedar: Pick<CedarInstance, 'policyToJson'>;
  /**
   * `whole` looks at all policies and takes up to seconds; `sample` looks at some hundreds of them and takes tenths of a second, for a
   * set that passed the whole check where it was put in force.
   */
  readonly depth: 'whole' | 'sample';
  /** Questions that the process was asked before, which are asked again. */
  readonly askedBefore?: readonly AskedBefore[];
  /** The index to check; that of the engine unless given. */
  readonly createSlicer?: CreateSlicer | undefined;
}

/** Policies of a phase that a sample looks at. */
const SAMPLED = 250;
/** Questions made for a phase, of a sample and of a whole. */
const QUESTIONS = { sample: 30, whole: 1_000 } as const;
/** What the questions of a phase may cost in all, where each costs about a millisecond and 5 µs for each policy. */
const COST_US = 2_000_000;
/** After so many differences no more are looked for. */
const ENOUGH = 5;
const PHASES: readonly Phase[] = ['access', 'workflows'];

/**
 * Asks the same questions of the engine, which looks only at the policies that its index finds and the entities that these read, and of
 * all policies over all entities, and tells each difference in decision, determining policies or errors. The questions are made from the
 * policies, always the same for the same set, and those that were asked before.
 * @param policies a set that was parsed by the instance that is given
 * @returns a problem for each difference, at most five, at the policy that it is about
 */
export function selfCheck(policies: PolicySet, options: SelfCheckOptions): readonly Problem[] {
  const evaluator = createEvaluator();
  return PHASES.flatMap((phase) => checkPhase(policies, phase, { ...options, evaluator })).slice(0, ENOUGH);
}

interface Checking extends SelfCheckOptions {
  readonly evaluator: Evaluator;
}

function checkPhase(policies: PolicySet, phase: Phase, checking: Checking): readonly Problem[] {
  const { schema, digest } = policies;
  const draws = new Draws(`${digest} ${phase}`);
  const before = (checking.askedBefore ?? []).filter((asked) => asked.phase === phase);
  const ordered = mixed(policies[phase], draws);
  const looked = checking.depth === 'whole' ? ordered : sampleOf(policies, phase, { ordered, before });
  const compare = createComparison(policies, phase, { ...checking, looked });
  const problems: Problem[] = [];
  let [asked, answered] = [0, 0];
  const see = (placed: PlacedQuestion, about?: PolicySource): void => {
    const answers = compare(placed);
    asked += 1;
    // Where all policies together give no answer there is nothing to compare with; that is never the index's doing.
    if (answers.whole.kind === 'failure') return;
    answered += 1;
    if (shown(answers.sliced) === shown(answers.whole)) return;
    problems.push(problemOf(placed, { answers, about, policies, phase }));
  };
  const count = questionsOf(looked.length, checking.depth);
  const constantsIn = createConstants(checking.cedar);
  for (let index = 0; index < count && problems.length < ENOUGH; index += 1) {
    const policy = looked[index % looked.length];
    if (policy === undefined) break;
    const made = { schema, phase, policy, constants: constantsIn(policy), draws };
    const placed = madeQuestion(made, index + Math.floor(index / looked.length));
    if (placed !== undefined) see(placed, policy);
  }
  for (const placed of before) if (problems.length < ENOUGH) see(placed);
  return asked > 0 && answered === 0 ? [unanswered(policies[phase])] : problems;
}

/** To read a policy takes as long as to ask a question, so each is read once. */
function createConstants(cedar: SelfCheckOptions['cedar']): (policy: PolicySource) => Constants {
  const known = new Map<string, Constants>();
  return ({ id, text }) => {
    const found = known.get(id);
    if (found !== undefined) return found;
    const answer = cedar.policyToJson(text);
    const constants = constantsOf(answer.type === 'failure' ? { conditions: [] } : answer.json);
    known.set(id, constants);
    return constants;
  };
}

function questionsOf(policies: number, depth: SelfCheckOptions['depth']): number {
  const affordable = Math.ceil(COST_US / (1_000 + 5 * policies));
  return Math.min(QUESTIONS_OF_POLICY * policies, QUESTIONS[depth], affordable);
}

/** All of them, those of one shape far apart: what an index gets wrong, it gets wrong for policies that look alike to it. */
function mixed(policies: readonly PolicySource[], draws: Draws): readonly PolicySource[] {
  const seen = new Map<string, number>();
  return draws
    .shuffled(policies)
    .map((policy) => {
      const shape = shapeOf(policy);
      const nth = seen.get(shape) ?? 0;
      seen.set(shape, nth + 1);
      return { policy, nth };
    })
    .toSorted((one, other) => one.nth - other.nth)
    .map(({ policy }) => policy);
}

function shapeOf({ effect, principal, action, resource, guards, isGuardsOnly }: PolicySource): string {
  const asked = guards.map((guard) => [
    guard.about,
    guard.about === 'context' ? guard.attribute : guard.scope.kind,
    guard.holds,
  ]);
  return JSON.stringify([effect, principal.kind, action.kind, resource.kind, asked, isGuardsOnly]);
}

interface Sampling {
  readonly ordered: readonly PolicySource[];
  readonly before: readonly AskedBefore[];
}

/** Some of each shape, and those that the index finds for what was asked before. */
function sampleOf(policies: PolicySet, phase: Phase, { ordered, before }: Sampling): readonly PolicySource[] {
  const sample = new Set(ordered.slice(0, SAMPLED));
  if (sample.size === ordered.length) return ordered;
  const slicer = createSlicer(policies.schema, policies[phase]);
  for (const { question, world } of before) {
    const { applying, open } = slicer({ ...question, entities: world });
    const found = [...applying, ...open.flatMap((index) => policies[phase][index] ?? [])];
    if (sample.size + found.length <= 2 * SAMPLED) for (const policy of found) sample.add(policy);
  }
  return [...sample];
}

interface Compared extends Checking {
  readonly looked: readonly PolicySource[];
}

/** Both answers to one question. */
interface Answers {
  readonly sliced: RawEvaluation;
  readonly whole: RawEvaluation;
}

function createComparison(policies: PolicySet, phase: Phase, { evaluator, looked, ...checking }: Compared) {
  const ids = new Set(looked.map(({ id }) => id));
  const slicerOf = checking.createSlicer ?? createSlicer;
  const isWhole = ids.size === policies[phase].length;
  const engine = createEngine(policies, {
    evaluator,
    createSlicer: isWhole ? slicerOf : onlyOf(slicerOf, ids),
  });
  const texts = Object.fromEntries(looked.map(({ id, text }) => [id, text]));
  const set = { key: `whole ${phase}`, texts: () => texts };
  const actions = groupedActions(policies);
  return ({ question, world }: PlacedQuestion): Answers => {
    const byKey = new Map(world.map((entity) => [uidKey(entity.uid), entity]));
    const lookup = (uid: EntityUid): Entity | undefined => byKey.get(uidKey(uid));
    const entities = entitiesFor(policies, phase, question, lookup);
    const sliced = engine.evaluateRaw(phase, { ...question, entities });
    const whole = evaluator.evaluate(set, { ...question, entities: [...world, ...actions] });
    return { sliced, whole };
  };
}

/** The index of all policies, of whose findings only those are asked that are looked at. */
function onlyOf(slicerOf: CreateSlicer, ids: ReadonlySet<string>): CreateSlicer {
  return (schema, policies) => {
    const find = slicerOf(schema, policies);
    return (question) => {
      const { applying, open } = find(question);
      return {
        applying: applying.filter(({ id }) => ids.has(id)),
        open: open.filter((index) => ids.has(policies[index]?.id ?? '')),
      };
    };
  };
}

function groupedActions({ schema }: PolicySet): readonly Entity[] {
  return Array.from(schema.actions.values(), ({ uid }) => ({
    uid,
    attributes: new Map(),
    parents: actionAncestors(schema, uid),
    tags: new Map(),
  })).filter(({ parents }) => parents.length > 0);
}

function shown(raw: RawEvaluation): string {
  if (raw.kind === 'failure') return 'no answer';
  const errors = raw.errors.map(({ policyId }) => policyId).toSorted();
  return `${raw.decision} by [${raw.policyIds.toSorted().join(', ')}], errors in [${errors.join(', ')}]`;
}

interface Found {
  readonly answers: Answers;
  /** For which the question was made; undefined for one that was asked before. */
  readonly about: PolicySource | undefined;
  readonly policies: PolicySet;
  readonly phase: Phase;
}

/** At the first policy that only one of both names. Of a question that was asked here, nothing of its context is shown. */
function problemOf(
  { question }: PlacedQuestion,
  { answers: { sliced, whole }, about, policies, phase }: Found,
): Problem {
  const named = [idsIn(sliced), idsIn(whole)];
  const differing = named.flat().find((id) => named.filter((ids) => ids.includes(id)).length === 1);
  const policy = policies[phase].find(({ id }) => id === differing) ?? about ?? policies[phase][0];
  const { principal, action, resource, context } = question;
  const asked = [principal, action, resource].map(formatUid).join(', ');
  const origin = about === undefined ? 'asked here before' : `made for "${about.id}"`;
  const has = context.size === 0 ? 'no context' : `a context that has ${[...context.keys()].join(', ')}`;
  return {
    file: policy?.file ?? '',
    line: policy?.line ?? 1,
    column: policy?.column ?? 1,
    message: `self-check: ${asked} with ${has} (${origin}) is answered ${shown(sliced)} by the index, and ${shown(whole)} by all policies, wanted the same`,
    hint: 'the policy is not at fault, Curfew is: report it with this line and the policy, and put it another way until it is mended',
  };
}

function unanswered([first]: readonly PolicySource[]): Problem {
  const { file = '', line = 1, column = 1 } = first ?? {};
  const message = 'self-check: all policies together answered no question, wanted answers to compare with';
  return { file, line, column, message, hint: 'split the set into fewer or simpler policies' };
}

function idsIn(raw: RawEvaluation): readonly string[] {
  return raw.kind === 'failure' ? [] : [...raw.policyIds, ...raw.errors.map(({ policyId }) => policyId)];
}
