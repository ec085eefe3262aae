import { beforeAll, describe, expect, test } from 'vitest';
import { parseEntities } from '../../core/access/entity-json.ts';
import { type CaseResult, runCases } from '../../core/policy/cases.ts';
import { createEngine } from '../../core/policy/engine.ts';
import type { PolicySet, PolicySource } from '../../core/policy/policy-set.ts';
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
    const results = [...run(domain, policies)];
    const failed = results
      .filter((result) => !result.passed)
      .map(({ file, line, name, differences }) => ({ at: `${file}:${line}`, name, differences }));
    expect(failed).toEqual([]);
    expect(results.length).toBeGreaterThanOrEqual(atLeast);
  });

  test('has a case for each policy that fails when the policy never applies', () => {
    const ids = [...policies.access, ...policies.workflows].map((policy) => policy.id);
    const unnoticed = ids.filter((id) => !hasFailure(run(domain, disarm(policies, id))));
    expect(unnoticed).toEqual([]);
  });
});

/** File by file, so that whoever has seen enough can stop. */
function* run({ cases, directory }: Domain, policies: PolicySet): Generator<CaseResult, void> {
  const subject = { policies, entities: parseEntities(directory), engine: createEngine(policies) };
  for (const [file, text] of cases) {
    const report = runCases(subject, text, file);
    if (!report.ok) throw new Error(report.problems.map(formatProblem).join('\n'));
    yield* report.results;
  }
}

function hasFailure(results: Iterable<CaseResult>): boolean {
  for (const result of results) if (!result.passed) return true;
  return false;
}

/** The same set, in which the policy has its name and its place and never applies. */
function disarm(policies: PolicySet, id: string): PolicySet {
  const disarmed = (policy: PolicySource): PolicySource =>
    policy.id === id ? { ...policy, text: policy.text.replace(/;$/, '\nwhen { false };') } : policy;
  return {
    ...policies,
    access: policies.access.map(disarmed),
    workflows: policies.workflows.map(disarmed),
  };
}
