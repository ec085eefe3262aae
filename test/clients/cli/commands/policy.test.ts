import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runCurfew, runHere } from '../../support/run-curfew.ts';

// Each of these examines policies in a worker; a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000 });

const example = fileURLToPath(new URL('../../../../policies', import.meta.url));

/** A copy of the example organisation with some files changed or added. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'curfew-policies-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(example, folder, { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  return folder;
}

describe('curfew policy check', () => {
  test('the example organisation is valid', async () => {
    const { code, stdout, stderr } = await runCurfew(['policy', 'check'], {
      env: { CURFEW_POLICIES: example },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^VALID\n {2}policies +\d+\n/);
    expect(stdout).toMatch(/Next: .* policy test\n$/);
  });

  test('a problem is shown with file, line, column and a caret, and exits 3', async () => {
    const folder = folderWith({
      'access/bad.cedar': '@id("x")\npermit (principal, action, resource is Databse);\n',
    });
    const { code, stdout } = await runHere(['policy', 'check', folder]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^access\/bad\.cedar:2:\d+: .*Databse/);
    expect(stdout).toContain('    permit (principal, action, resource is Databse);\n');
    expect(stdout).toMatch(/\n {4} +\^\n/);
    expect(stdout).toContain('INVALID  1 problem\n');
  });

  test('D4 an integer of the directory outside int64 is refused at its place, as JSON too', async () => {
    const directory = '[{ "uid": { "type": "User", "id": "ada" }, "attrs": { "n": 9223372036854775808 } }]';
    const folder = folderWith({ 'directory.json': directory });
    const { code, stdout } = await runHere(['policy', 'check', folder, '-o', 'json']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      problems: [{ file: 'directory.json', line: 1, column: directory.indexOf('9223') + 1 }],
    });
  });

  test('D1 a forbid that a caller can get around by leaving something out is reported', async () => {
    const rail =
      '@id("open-rail")\nforbid (principal, action, resource is Database) when { context has mfa && !context.mfa };';
    const folder = folderWith({ 'guardrails/open.cedar': rail });
    const { code, stdout } = await runHere(['policy', 'check', folder]);
    expect(code).toBe(0);
    expect(stdout).toContain(
      'warning:\nguardrails/open.cedar:1:1: forbid "open-rail" may stop applying where "context has mfa" does not hold',
    );
  });

  test('W10 what a file says is shown without a control character', async () => {
    const folder = folderWith({
      'access/bad.cedar': '@id("x\u001b[2J\u202e")\npermit (principal, action, resource);\u0007',
    });
    const { code, stdout } = await runHere(['policy', 'check', folder]);
    expect(code).toBe(3);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  test.each([['/nonexistent'], [fileURLToPath(import.meta.url)]])(
    '%s is no folder of policies',
    async (folder) => {
      const { code, stderr } = await runHere(['policy', 'check', folder]);
      expect(code).toBe(3);
      expect(stderr).toContain(`error: ${folder}: `);
      expect(stderr).toContain('Next: name the folder that holds schema.cedarschema');
    },
  );
});

describe('curfew policy test', () => {
  const failing = `cases:
  - name: everybody deletes everything
    when: { principal: 'User::"ada"', action: write, resource: 'Database::"orders"' }
    then: { effect: allow }
`;

  test('the cases of the example organisation pass', async () => {
    const { code, stdout } = await runCurfew(['policy', 'test', example]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^PASSED {2}\d\d+ passed, 0 failed\n/),
    });
  });

  test('a case that fails is shown with what was expected and found, and exits 4', async () => {
    const folder = folderWith({ 'cases/failing.yaml': failing });
    const { code, stdout } = await runHere(['policy', 'test', folder]);
    expect(code).toBe(4);
    expect(stdout).toMatch(/^FAIL {2}cases\/failing\.yaml:2: everybody deletes everything\n {6}\S/);
    expect(stdout).toMatch(/\nFAILED {2}\d\d+ passed, 1 failed\n/);
  });

  test('a file of cases that cannot be read exits 4 and says where', async () => {
    const folder = folderWith({ 'cases/broken.yaml': 'cases:\n  - nam: x\n' });
    const { code, stdout } = await runHere(['policy', 'test', folder, '-o', 'json']);
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      problems: [{ file: 'cases/broken.yaml', line: 2 }],
    });
  });

  test('policies that are invalid exit 3 before any case is run', async () => {
    const folder = folderWith({ 'access/bad.cedar': 'permit (principal' });
    const { code, stdout } = await runHere(['policy', 'test', folder]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^access\/bad\.cedar:1:/);
  });

  test('a folder without cases has not passed', async () => {
    const folder = folderWith({});
    rmSync(join(folder, 'cases'), { recursive: true });
    const { code, stdout } = await runHere(['policy', 'test', folder]);
    expect(code).toBe(4);
    expect(stdout).toContain('no cases: write some in cases/*.yaml');
  });
});
