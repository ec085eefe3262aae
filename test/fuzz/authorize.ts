import fc from 'fast-check';
import type { Entity } from '../../core/access/entity.ts';
import { attributesToJson, entityToJson } from '../../core/access/entity-json.ts';
import { examine } from '../../core/policy/examine.ts';
import type { PolicySet } from '../../core/policy/policy-set.ts';
import { formatProblem } from '../../core/policy/problem.ts';
import { actionOf } from '../../core/policy/schema-shape.ts';
import { sampleFiles } from '../core/policy/sample.ts';
import { type FuzzOptions, run } from './run.ts';
import { fileOf, policies } from './policies.ts';
import { askThreeWays, type BareQuestion, type ThreeAnswers } from './three-answers.ts';
import { attributesOf, directoryOf, uidOf } from './values.ts';

const MOST_POLICIES = 12;
const QUESTIONS = 20;

/** Policies, a directory, and questions. */
interface Situation {
  readonly texts: readonly string[];
  readonly directory: readonly Entity[];
  readonly questions: readonly BareQuestion[];
}

/** Asks until the time is over. @returns whether all answers agreed */
export async function fuzzAuthorize(options: FuzzOptions): Promise<boolean> {
  const seen = new Map<string, number>();
  const held = await run(
    'authorize',
    authorizeProperty(({ whole }) => {
      const kind = whole.replaceAll(/\[\]/g, 'none').replaceAll(/\[.*?\]/g, 'some');
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }),
    options,
  );
  for (const [kind, times] of seen) console.log(`  ${times} × ${kind}`);
  return held;
}

/** Any question, any policies, any entities: the engine answers as the whole set does, and as Cedar's stateless call does. */
export function authorizeProperty(
  count: (answers: ThreeAnswers) => void = () => undefined,
): fc.IProperty<[Situation]> {
  return fc.property(situations(), ({ texts, directory, questions }) => {
    const ask = askThreeWays(readSet(texts), directory);
    for (const question of questions) {
      const answers = ask(question);
      count(answers);
      if (answers.sliced === answers.whole && answers.whole === answers.stateless) continue;
      throw new Error(describe(texts, directory, question, answers));
    }
  });
}

function situations(): fc.Arbitrary<Situation> {
  const { schema } = readSet([]);
  const question = fc.constantFrom('read', 'write').chain((id) => {
    const action = actionOf(schema, { type: 'Action', id });
    if (action === undefined) throw new Error(`no action ${id}`);
    return fc.record({
      principal: fc.oneof(...action.principalTypes.map((type) => uidOf(schema, type))),
      action: fc.constant(action.uid),
      resource: fc.oneof(...action.resourceTypes.map((type) => uidOf(schema, type))),
      context: attributesOf(schema, action.context),
    });
  });
  return fc.record({
    texts: policies(MOST_POLICIES),
    directory: directoryOf(schema),
    questions: fc.array(question, { minLength: QUESTIONS, maxLength: QUESTIONS }),
  });
}

/** As services read a set that was examined before: what is not well typed is let in, so that policies err. */
function readSet(texts: readonly string[]): PolicySet {
  const files = sampleFiles({
    'access/access.cedar': fileOf(texts),
    'guardrails/guardrails.cedar': undefined,
  });
  const result = examine(files, { wasExamined: true });
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.policies;
}

function describe(
  texts: readonly string[],
  directory: readonly Entity[],
  question: BareQuestion,
  answers: ThreeAnswers,
): string {
  const { principal, action, resource, context } = question;
  return [
    fileOf(texts),
    `asked: ${[principal, action, resource].map(({ type, id }) => `${type}::${JSON.stringify(id)}`).join(', ')}`,
    `context: ${JSON.stringify(attributesToJson(context))}`,
    `directory: ${JSON.stringify(directory.map(entityToJson))}`,
    `sliced:    ${answers.sliced}`,
    `whole:     ${answers.whole}`,
    `stateless: ${answers.stateless}`,
  ].join('\n');
}
