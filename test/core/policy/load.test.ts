import { describe, expect, test } from 'vitest';
import { createEngine } from '../../../core/policy/engine.ts';
import { digestOf } from '../../../core/policy/files.ts';
import { loadPolicies } from '../../../core/policy/load.ts';
import { formatProblem, type Problem } from '../../../core/policy/problem.ts';
import type { PolicyFiles } from '../../../core/policy/files.ts';
import type { PolicySet } from '../../../core/policy/policy-set.ts';
import { policyById, workflowById } from '../../../core/policy/policy-set.ts';
import { fitEntity } from '../../../core/policy/check-question.ts';
import { parseEntities } from '../../../core/access/entity-json.ts';
import { SCHEMA, sampleDirectory, sampleFiles } from './sample.ts';
import { plainWorkflow } from '../../support/plain-grant.ts';

async function loaded(files: PolicyFiles): Promise<PolicySet> {
  const result = await loadPolicies(files);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.policies;
}

async function problemsIn(files: PolicyFiles): Promise<readonly Problem[]> {
  const result = await loadPolicies(files);
  return result.ok ? [] : result.problems;
}

describe('loading a good set', () => {
  test('gives policies by place, workflows with their terms, approvals and schema', async () => {
    const policies = await loaded(sampleFiles());
    expect(policies.digest).toBe(digestOf(sampleFiles()));
    expect(policies.access.map((it) => `${it.file}:${it.line}:${it.column} ${it.id}`)).toEqual([
      'access/access.cedar:1:1 jit',
      'access/access.cedar:4:1 owners-read',
      'access/access.cedar:8:1 own-documents',
      'guardrails/guardrails.cedar:1:1 pii-needs-mfa',
      'guardrails/guardrails.cedar:5:1 sealed',
    ]);
    expect(workflowById(policies, 'prod-reads')).toEqual({
      ...plainWorkflow,
      id: 'prod-reads',
      title: 'Read production databases',
      steps: [{ name: 'owner', seats: 1 }],
      maxMs: 4 * 3_600_000,
      defaultMs: 3_600_000,
      pendingMs: 24 * 3_600_000,
      rank: 0,
      reason: { kind: 'required' },
      ticket: { kind: 'optional' },
      resourceTypes: ['Database'],
    });
    expect(workflowById(policies, 'prod-writes')).toMatchObject({
      title: 'prod-writes',
      steps: [
        { name: 'owner', seats: 1 },
        { name: 'manager', seats: 2 },
      ],
      defaultMs: 3_600_000,
      rank: 5,
      reason: { kind: 'optional' },
      ticket: { kind: 'pattern', pattern: 'OPS-[0-9]+' },
    });
    expect(policies.approvals.map(({ policyId, step }) => [policyId, step])).toEqual([
      ['owners-approve', 'owner'],
      ['managers-approve', 'manager'],
    ]);
    expect(policyById(policies, 'pii-needs-mfa')?.annotations.get('advice')).toBe('sign in with MFA');
    expect(policies.schema.personTypes).toEqual(['User']);
    expect(policies.schema.serviceTypes).toEqual(['Service']);
  });

  test('a set survives being cloned, as it must to leave its worker', async () => {
    const policies = await loaded(sampleFiles());
    expect(structuredClone(policies)).toEqual(policies);
  });

  test('the directory is checked against the schema, and named', async () => {
    const entities = sampleDirectory();
    expect((await loadPolicies(sampleFiles(), { entities })).ok).toBe(true);
    const bad = entities.map((it) => (it.uid.id === 'bob' ? { ...it, attributes: new Map() } : it));
    const result = await loadPolicies(sampleFiles(), { entities: bad, entitiesFile: 'the directory' });
    expect(result).toMatchObject({
      ok: false,
      problems: [
        {
          file: 'the directory',
          message: 'User::"bob": attributes.clearances is nothing, wanted Set<String>',
        },
        { message: 'User::"bob": attributes.home is nothing, wanted { city: String, zip?: Long }' },
        { message: 'User::"bob": attributes.level is nothing, wanted Long' },
      ],
    });
  });

  test('the directory may leave implicit what the schema declares', async () => {
    const [database] = parseEntities(
      '[{"uid": {"type": "Database", "id": "x"}, "attrs": {"classification": "pii", "owners": [{"type": "User", "id": "ada"}]}}]',
    );
    const entities = database === undefined ? [] : [database];
    expect((await loadPolicies(sampleFiles(), { entities })).ok).toBe(true);
  });

  test('what Cedar JSON leaves implicit is read as the schema declares it', async () => {
    const { schema } = await loaded(sampleFiles());
    const [entity] = parseEntities(
      '[{"uid": {"type": "Database", "id": "x"}, "attrs": {"classification": "pii", "owners": [{"type": "User", "id": "ada"}], "budget": "1.5"}}]',
    ).map((it) => fitEntity(schema, it));
    expect(entity?.attributes.get('owners')).toEqual({
      kind: 'set',
      values: [{ kind: 'entity', uid: { type: 'User', id: 'ada' } }],
    });
    expect(entity?.attributes.get('budget')).toEqual({
      kind: 'extension',
      function: 'decimal',
      argument: '1.5',
    });
    expect(entity?.attributes.get('classification')).toEqual({ kind: 'string', value: 'pii' });
  });

  test('a policy that is valid for its own phase alone is good: access/ is never asked a Curfew action', async () => {
    const all = '@id("all") permit (principal, action, resource is Database) when { context.level > 3 };';
    await expect(loaded(sampleFiles({ 'access/all.cedar': all }))).resolves.toBeDefined();
  });
});

describe('D3 hostile policies', () => {
  test('D3 200 parentheses and 400 && are refused by place through every folder, and the next good set loads', async () => {
    const nested = `@id("n") forbid (principal, action, resource) when { ${'('.repeat(200)}true${')'.repeat(200)} };`;
    const chained = `\n@id("c") forbid (principal, action, resource) when { ${Array<string>(401).fill('principal == resource').join(' && ')} };`;
    const files = ['access/x.cedar', 'guardrails/x.cedar', 'workflows/x.cedar'];
    const problems = await problemsIn(
      sampleFiles(Object.fromEntries(files.map((file) => [file, nested + chained]))),
    );
    expect(problems.map((it) => `${it.file}:${it.line} ${it.message}`)).toEqual(
      files.flatMap((file) => [
        `${file}:1 brackets nested more than 50 deep`,
        `${file}:2 more than 250 operators in one chain`,
      ]),
    );
    const engine = createEngine(await loaded(sampleFiles()));
    expect(engine.checkCanary()).toBe(true);
  });

  test('D3 a schema that nests without end, or takes forever, is a problem of the schema', async () => {
    const deep = `${SCHEMA}entity Deep { a: ${'Set<'.repeat(200)}Long${'>'.repeat(200)} };`;
    expect((await problemsIn(sampleFiles({ 'schema.cedarschema': deep })))[0]?.message).toBe(
      'brackets nested more than 50 deep',
    );
    const doubled = Array.from({ length: 40 }, (_, i) => `type T${i + 1} = { a: T${i}, b: T${i} };`).join(
      '\n',
    );
    const files = sampleFiles({
      'schema.cedarschema': `${SCHEMA}type T0 = { a: Long };\n${doubled}\nentity Big { t: T40 };`,
    });
    const result = await loadPolicies(files, { timeoutMs: 3_000 });
    expect(result).toMatchObject({ ok: false, problems: [{ file: 'schema.cedarschema', line: 1 }] });
  });

  test('D3 an examination that takes too long is a problem, not a wait', async () => {
    const result = await loadPolicies(sampleFiles(), { timeoutMs: 1 });
    expect(result).toMatchObject({
      ok: false,
      problems: [{ message: expect.stringMatching(/takes longer than/) }],
    });
    expect((await loadPolicies(sampleFiles())).ok).toBe(true);
  });
});

describe('a set that was examined before it was put in force', () => {
  const withAccess = (text: string): PolicyFiles =>
    new Map([
      ...sampleFiles(),
      ['access/more.cedar', `@id("more")\npermit (principal, action, resource) ${text};\n`],
    ]);

  test('is the same set when it is only parsed', async () => {
    const parsed = await loadPolicies(sampleFiles(), { wasExamined: true });
    expect(parsed).toEqual({ ok: true, policies: await loaded(sampleFiles()) });
  });

  test('is not judged again, whatever rules have come since', async () => {
    const files = withAccess('when { context has grannt }');
    expect(await problemsIn(files)).not.toEqual([]);
    expect(await loadPolicies(files, { wasExamined: true })).toMatchObject({ ok: true });
  });

  test('is refused when Cedar cannot read it', async () => {
    expect(await loadPolicies(withAccess('when { context has }'), { wasExamined: true })).toMatchObject({
      ok: false,
      problems: [{ file: 'access/more.cedar', line: 2 }],
    });
  });
});
