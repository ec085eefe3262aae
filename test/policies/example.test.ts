import { beforeAll, describe, expect, test } from 'vitest';
import { parseEntities } from '../../core/access/entity-json.ts';
import { type CaseResult, runCases } from '../../core/policy/cases.ts';
import { createEngine, type Engine } from '../../core/policy/engine.ts';
import type { PolicySet } from '../../core/policy/policy-set.ts';
import { formatProblem } from '../../core/policy/problem.ts';
import { type Domain, load, readDomain } from './domain.ts';

describe.each([
  ['the example organisation', '../../policies', 90],
  ['a domain that shares no name with it', '../support/hospital', 35],
] as const)('%s', (_name, path, atLeast) => {
  let domain: Domain;
  let policies: PolicySet;
  beforeAll(async () => {
    domain = await readDomain(path);
    const loaded = await load(domain);
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    policies = loaded.policies;
  });

  test('answers every case as written', () => {
    const results = run(domain, policies, createEngine(policies));
    const failed = results
      .filter((result) => !result.passed)
      .map(({ file, line, name, differences }) => ({ at: `${file}:${line}`, name, differences }));
    expect(failed).toEqual([]);
    expect(results.length).toBeGreaterThanOrEqual(atLeast);
  });

  test('has a case that each policy decides', () => {
    const decided = new Set<string>();
    const engine = createEngine(policies);
    const evaluate: Engine['evaluate'] = (phase, question) => {
      const evaluation = engine.evaluate(phase, question);
      for (const id of evaluation.policyIds) decided.add(id);
      return evaluation;
    };
    run(domain, policies, { ...engine, evaluate });
    const ids = [...policies.access, ...policies.workflows].map((policy) => policy.id);
    expect(ids.filter((id) => !decided.has(id))).toEqual([]);
  });
});

function run({ cases, directory }: Domain, policies: PolicySet, engine: Engine): readonly CaseResult[] {
  const subject = { policies, entities: parseEntities(directory), engine };
  return [...cases].flatMap(([file, text]) => {
    const report = runCases(subject, text, file);
    if (!report.ok) throw new Error(report.problems.map(formatProblem).join('\n'));
    return report.results;
  });
}
