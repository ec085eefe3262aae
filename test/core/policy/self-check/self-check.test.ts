import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { sameUid } from '../../../../core/access/entity.ts';
import { newCedarInstance } from '../../../../core/policy/cedar-instance.ts';
import { examine } from '../../../../core/policy/examine.ts';
import { type PolicyFiles, readPolicyFolder } from '../../../../core/policy/files.ts';
import type { PolicySet } from '../../../../core/policy/policy-set.ts';
import type { Problem } from '../../../../core/policy/problem.ts';
import type { AskedBefore } from '../../../../core/policy/self-check/recent-questions.ts';
import { selfCheck, type SelfCheckOptions } from '../../../../core/policy/self-check/self-check.ts';
import {
  type CreateSlicer,
  createSlicer,
  type Matching,
  type Slicer,
} from '../../../../core/policy/slice.ts';
import { fileOf, policies as anyPolicies } from '../../../fuzz/policies.ts';
import { accessQuestion, lookup } from '../questions.ts';
import { sampleFiles } from '../sample.ts';

// Some ask hundreds of questions, which takes a busy machine long.
vi.setConfig({ testTimeout: 120_000 });

const EXAMPLE = fileURLToPath(new URL('../../../../policies', import.meta.url));

const cedar = newCedarInstance();

/** Parsed and no more, so that a set may have policies that err. */
function parsed(files: PolicyFiles): PolicySet {
  const result = examine(files, { wasExamined: true });
  if (!result.ok) throw new Error(result.problems.map(({ message }) => message).join('\n'));
  return result.policies;
}

function checked(policies: PolicySet, options: Partial<SelfCheckOptions> = {}): readonly Problem[] {
  return selfCheck(policies, { cedar, depth: 'whole', ...options });
}

/** An index that says something else of some questions. */
function faulty(spoil: (...asked: Spoiled) => Matching): CreateSlicer {
  return (schema, policies) => {
    const find = createSlicer(schema, policies);
    return (question) => spoil(find(question), question, find);
  };
}

type Spoiled = [found: Matching, question: Parameters<Slicer>[0], find: Slicer];

const FAULTS: readonly [string, CreateSlicer][] = [
  [
    'leaves a policy out that has to be evaluated',
    faulty((found) => ({ ...found, open: found.open.slice(1) })),
  ],
  ['leaves a policy out that applies', faulty((found) => ({ ...found, applying: found.applying.slice(1) }))],
  [
    'forgets what the principal is inside of',
    faulty((_, question, find) =>
      find({
        ...question,
        entities: question.entities.map((it) =>
          sameUid(it.uid, question.principal) ? { ...it, parents: [] } : it,
        ),
      }),
    ),
  ],
  [
    'takes what is there for what is not',
    faulty((_, question, find) => find({ ...question, context: new Map() })),
  ],
  [
    'takes another action for the one that is asked about',
    faulty((_, question, find) => find({ ...question, action: { type: 'Action', id: 'open' } })),
  ],
  [
    'takes a policy for one that asks nothing else',
    (schema, policies) =>
      createSlicer(
        schema,
        policies.map((it) => ({ ...it, isGuardsOnly: true })),
      ),
  ],
  [
    'takes the other sides for each other',
    faulty((_, question, find) =>
      find({ ...question, principal: question.resource, resource: question.principal }),
    ),
  ],
];

describe('the self-check', () => {
  test('finds no difference in a good set', async () => {
    expect(checked(parsed(sampleFiles()))).toEqual([]);
    expect(checked(parsed(await readPolicyFolder(EXAMPLE)))).toEqual([]);
  });

  test('finds no difference in any set that Cedar can read, whatever errs in it', () => {
    const property = fc.property(anyPolicies(5), (texts) => {
      const files = sampleFiles({
        'access/access.cedar': fileOf(texts),
        'guardrails/guardrails.cedar': undefined,
        'workflows/workflows.cedar': undefined,
      });
      expect(checked(parsed(files))).toEqual([]);
    });
    fc.assert(property, { numRuns: 6 });
  });

  test.each(FAULTS)('finds an index that %s', (_, createFaulty) => {
    expect(checked(parsed(sampleFiles()), { createSlicer: createFaulty })).not.toEqual([]);
  });

  test('says which policy differs, which question shows it, what each says and what to do', () => {
    const createFaulty = faulty((found) => ({ ...found, applying: [] }));
    const [first] = checked(parsed(sampleFiles()), { createSlicer: createFaulty });
    expect(first).toMatchObject({ file: 'access/access.cedar', line: 1, column: 1 });
    expect(first?.message).toMatch(
      /^self-check: (User|Service)::"\w+", Action::"\w+", Database::"\w+" with a context that has .*grant.* is answered .* by the index, and allow by \[jit\].* by all policies, wanted the same$/,
    );
    expect(first?.hint).toContain('the policy is not at fault');
  });

  test('asks the same questions wherever it runs', () => {
    const createFaulty = faulty((found) => ({ ...found, open: [] }));
    const once = checked(parsed(sampleFiles()), { createSlicer: createFaulty });
    expect(once.length).toBeGreaterThan(1);
    expect(checked(parsed(sampleFiles()), { createSlicer: createFaulty })).toEqual(once);
  });

  test('asks again what was asked before, and shows nothing of its context', () => {
    const policies = parsed(sampleFiles());
    const question = accessQuestion(policies, {
      principal: 'User::"bob"',
      action: 'read',
      resource: 'Database::"orders"',
    });
    const orders = question.resource;
    const createFaulty = faulty((found, { resource }) =>
      sameUid(resource, orders) ? { ...found, open: [] } : found,
    );
    expect(checked(policies, { createSlicer: createFaulty })).toEqual([]);
    const world = ['User::"bob"', 'Database::"orders"'].flatMap((_, index) => {
      return lookup(index === 0 ? question.principal : question.resource) ?? [];
    });
    const askedBefore: AskedBefore[] = [{ phase: 'access', question, world }];
    const [difference] = checked(policies, { createSlicer: createFaulty, askedBefore });
    expect(difference?.message).toContain(
      'User::"bob", Action::"read", Database::"orders" with a context that has level, now (asked here before) is answered deny by [], errors in [] by the index, and allow by [owners-read]',
    );
  });
});

describe('a sample of a large set', () => {
  const crowd = Array.from(
    { length: 700 },
    (_, index) =>
      `@id("p${index}") permit (principal in Group::"g${index}", action == Action::"read", resource) when { context.level > ${index} };`,
  ).join('\n');
  const policies = parsed(sampleFiles({ 'access/crowd.cedar': crowd }));

  test('finds no difference in a good set', () => {
    expect(checked(policies, { depth: 'sample' })).toEqual([]);
  });

  test('is enough to find an index that is wrong about policies of one kind', () => {
    const createFaulty = faulty((found) => ({
      ...found,
      open: found.open.filter((index) => policies.access[index]?.principal.kind !== 'in'),
    }));
    expect(checked(policies, { depth: 'sample', createSlicer: createFaulty })).not.toEqual([]);
  });
});
