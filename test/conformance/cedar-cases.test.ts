import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCedarCases } from './cedar-cases.ts';

const SCHEMA = `entity U { n: Long }; action read, write in [all] appliesTo { principal: [U], resource: [U], context: { n: Long, f?: Long } };
action all;`;

/** The tenth and eleventh policy matter: ids go by position, not by spelling. */
const POLICIES = `permit (principal, action in Action::"all", resource) when { context.n == 9007199254740993 };
${Array.from({ length: 9 }, (_, i) => `forbid (principal, action, resource) when { context.n == ${i + 100} };`).join('\n')}
forbid (principal, action == Action::"read", resource) when { context.n + 9223372036854775807 < 0 };
`;

const CASE = {
  schema: 'data/schema.cedarschema',
  policies: 'data/policies.cedar',
  entities: 'data/entities.json',
  shouldValidate: true,
};

const uid = { type: 'U', id: 'u' };

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-conformance-'));
  await write('data/schema.cedarschema', SCHEMA);
  await write('data/policies.cedar', POLICIES);
  await write('data/entities.json', '[{"uid": {"type": "U", "id": "u"}, "attrs": {"n": 1}, "parents": []}]');
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

async function writeCase(
  request: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const base = {
    principal: uid,
    action: { type: 'Action', id: 'write' },
    resource: uid,
    reason: [],
    errors: [],
  };
  await write(
    'tests/case.json',
    JSON.stringify({ ...CASE, requests: [{ ...base, ...request }], ...changes })
      .replaceAll('"#', '')
      .replaceAll('#"', ''),
  );
}

describe('conformance cases', () => {
  test('a right answer is no difference; other JSON files are no cases', async () => {
    await writeCase({ context: { n: '#105#' }, decision: 'deny', reason: ['policy6'] });
    expect(await runCedarCases(folder)).toEqual({ files: 1, requests: 1, differences: [] });
  });

  test('integers are exact, action groups known, errors counted beside the decision', async () => {
    const read = { action: { type: 'Action', id: 'read' }, context: { n: '#9007199254740993#' } };
    await writeCase({ ...read, decision: 'allow', reason: ['policy0'], errors: ['policy10'] });
    expect((await runCedarCases(folder)).differences).toEqual([]);
    await writeCase({
      ...read,
      context: { n: '#9007199254740992#' },
      decision: 'allow',
      reason: ['policy0'],
      errors: ['policy10'],
    });
    expect((await runCedarCases(folder)).differences).toEqual([
      'tests/case.json: request 0: decision: wanted [allow], got [deny]',
      'tests/case.json: request 0: reason: wanted [policy0], got []',
    ]);
  });

  test('a wrong verdict of the validator is a difference', async () => {
    await writeCase({ context: { n: 1 }, decision: 'deny' }, { shouldValidate: false });
    expect((await runCedarCases(folder)).differences).toEqual([
      'tests/case.json: validation: wanted failure, got success',
    ]);
  });

  test('missing errors and missing files are differences', async () => {
    await writeCase({ action: { type: 'Action', id: 'read' }, context: { n: 1 }, decision: 'deny' });
    expect((await runCedarCases(folder)).differences).toEqual([
      'tests/case.json: request 0: errors: wanted [], got [policy10]',
    ]);
    await writeCase({ context: { n: 1 }, decision: 'deny' }, { policies: 'data/gone.cedar' });
    expect((await runCedarCases(folder)).differences).toEqual([
      expect.stringContaining('tests/case.json: cannot be run: Error: ENOENT'),
    ]);
  });

  test('the published corpus, one case a file that names its own folder, is run as it was unpacked; its actions are those of the schema', async () => {
    const corpus = join(folder, 'corpus-tests');
    await write('corpus-tests/0a1b.cedarschema', SCHEMA);
    await write('corpus-tests/0a1b.cedar', POLICIES);
    const action = {
      uid: { type: 'Action', id: 'read' },
      attrs: {},
      parents: [{ type: 'Action', id: 'all' }],
    };
    await write(
      'corpus-tests/0a1b.entities.json',
      JSON.stringify([{ uid, attrs: { n: 1 }, parents: [] }, action]),
    );
    await write(
      'corpus-tests/0a1b.json',
      JSON.stringify({
        schema: 'corpus-tests/0a1b.cedarschema',
        policies: 'corpus-tests/0a1b.cedar',
        entities: 'corpus-tests/0a1b.entities.json',
        shouldValidate: true,
        requests: [
          {
            description: 'Request 0',
            principal: uid,
            action: { type: 'Action', id: 'read' },
            resource: uid,
            context: { n: 105 },
            validateRequest: true,
            decision: 'deny',
            reason: ['policy6'],
            errors: ['policy10'],
          },
        ],
      }),
    );
    const report = { files: 1, requests: 1, differences: [] };
    expect(await runCedarCases(corpus)).toEqual(report);
    expect(await runCedarCases(folder)).toEqual(report);
  });

  test('a folder without cases has none', async () => {
    expect(await runCedarCases(folder)).toEqual({ files: 0, requests: 0, differences: [] });
  });
});
