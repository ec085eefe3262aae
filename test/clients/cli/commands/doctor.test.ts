import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Check } from '../../../../clients/cli/doctor/check.ts';
import { checkDatabase } from '../../../../clients/cli/doctor/database.ts';
import { checkService } from '../../../../clients/cli/doctor/service.ts';
import { resolveEndpoint } from '../../../../clients/sdk/endpoint.ts';
import { OFFICE, type Stack, startStack } from '../../../support/stack.ts';
import { startSocketServer } from '../../support/raw-server.ts';
import { runHere, runProgram } from '../../support/run-curfew.ts';

let stack: Stack;
let env: Readonly<Record<string, string>>;
let folder: string;

beforeAll(async () => {
  stack = await startStack();
  folder = mkdtempSync(join(tmpdir(), 'curfew-doctor-'));
  const token = join(folder, 'token');
  writeFileSync(token, await stack.issuer.token('User', 'ada'), { mode: 0o600 });
  env = {
    CURFEW_DATABASE_URL: stack.database.decisionUrl,
    CURFEW_DECISION_ADDRESS: `127.0.0.1:${stack.decision.port}`,
    CURFEW_GRANT_ADDRESS: `127.0.0.1:${stack.grant.port}`,
    CURFEW_POLICIES: OFFICE,
    CURFEW_TOKEN_FILE: token,
  };
}, 60_000);
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

interface Diagnosis {
  readonly code: number | null;
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

async function doctor(changes: Readonly<Record<string, string>> = {}): Promise<Diagnosis> {
  const { code, stdout } = await runHere(['doctor', '-o', 'json'], {
    env: { ...env, ...changes },
    cwd: folder,
  });
  return { code, ...(JSON.parse(stdout) as Omit<Diagnosis, 'code'>) };
}

function found({ checks }: Pick<Diagnosis, 'checks'>, name: string): Check | undefined {
  return checks.find((check) => check.name === name);
}

describe('curfew doctor', () => {
  test('finds nothing wrong where everything is well, and exits 0', async () => {
    // A machine under load may leave a replica without news for two seconds, and then the doctor is right to say so.
    const { code, stdout, stderr } = await vi.waitFor(
      async () => {
        const run = await runHere(['doctor'], { env, cwd: folder });
        expect(run.stdout).toMatch(/ 0 failures, 0 skipped\n$/);
        return run;
      },
      { timeout: 50_000 },
    );
    expect(stdout).toMatch(/^ok +node +Node\.js/);
    expect(stdout).toMatch(/^ok +database +PostgreSQL .*:\*\*\*@.*no TLS, which stays on this machine$/m);
    for (const name of [
      'database schema',
      'database role',
      'database clock',
      'decision service',
      'decision clock',
      'grant clock',
      'caller',
      'policies in force',
    ])
      expect(stdout).toMatch(new RegExp(`^ok +${name} {2}`, 'm'));
    expect(stdout).toMatch(/^ok +decision health +curfew\.decision\.grants is SERVING$/m);
    expect(stdout).toMatch(/^ok +grant health +curfew\.grant\.v1\.GrantService is SERVING$/m);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  }, 60_000);

  test('says for each thing that is down what was seen and what to do, and exits 1', async () => {
    const other = await startSocketServer((socket) => socket.write('SSH-2.0-other\r\n'));
    onTestFinished(() => other.close());
    const diagnosis = await doctor({
      CURFEW_DATABASE_URL: 'postgres://curfew_grant:hunter2@127.0.0.1:1/curfew',
      CURFEW_DECISION_ADDRESS: other.address,
      CURFEW_GRANT_ADDRESS: '127.0.0.1:1',
      CURFEW_TOKEN_FILE: '/nowhere/token',
      CURFEW_POLICIES: '/nowhere/policies',
    });
    expect(diagnosis).toMatchObject({ code: 1, ok: false });
    expect(found(diagnosis, 'node')?.state).toBe('ok');
    expect(found(diagnosis, 'database')).toMatchObject({
      state: 'failure',
      seen: expect.stringContaining('ECONNREFUSED'),
      next: expect.stringContaining('start PostgreSQL'),
    });
    expect(found(diagnosis, 'decision service')).toMatchObject({
      state: 'failure',
      seen: expect.stringContaining('it says "SSH-2.0-other"'),
    });
    expect(found(diagnosis, 'grant service')).toMatchObject({
      state: 'failure',
      seen: 'nothing listens at 127.0.0.1:1; the port is free',
      next: expect.stringContaining('npm start'),
    });
    expect(found(diagnosis, 'token')).toMatchObject({ state: 'failure' });
    expect(found(diagnosis, 'policies')).toMatchObject({ state: 'failure' });
    expect(JSON.stringify(diagnosis)).not.toContain('hunter2');
  });

  test.each([
    ['postgres://curfew_grant:wrong@', /password authentication failed/, /user and password/],
    ['mysql://', /wanted a URL such as postgres/, /correct CURFEW_DATABASE_URL/],
  ])('a database URL that begins with %s is told from a database that is down', async (start, seen, next) => {
    const url = stack.database.decisionUrl.replace(/^.*@/, start);
    expect(found(await doctor({ CURFEW_DATABASE_URL: url }), 'database')).toMatchObject({
      state: 'failure',
      seen: expect.stringMatching(seen),
      next: expect.stringMatching(next),
    });
  });

  test('a database that is not there by that name is said to be so', async () => {
    const url = new URL(stack.database.decisionUrl);
    url.pathname = '/no_such_database';
    expect(found(await doctor({ CURFEW_DATABASE_URL: url.href }), 'database')).toMatchObject({
      seen: expect.stringContaining('"no_such_database" does not exist'),
      next: expect.stringContaining('create the database'),
    });
  });

  test('a service that would sign in as the owner is warned of', async () => {
    const diagnosis = await doctor({ CURFEW_DATABASE_URL: stack.database.ownerUrl });
    expect(found(diagnosis, 'database role')).toMatchObject({
      state: 'warning',
      seen: expect.stringContaining('is a superuser'),
      next: expect.stringContaining('curfew_grant'),
    });
  });

  test('a token that the services refuse is told by their reason, a folder that is not in force by both digests', async () => {
    const policies = mkdtempSync(join(tmpdir(), 'curfew-other-policies-'));
    onTestFinished(() => rmSync(policies, { recursive: true }));
    cpSync(OFFICE, policies, { recursive: true });
    writeFileSync(join(policies, 'access', 'more.cedar'), '// another set\n');
    const other = await doctor({ CURFEW_POLICIES: policies });
    expect(found(other, 'policies')?.state).toBe('ok');
    expect(found(other, 'policies in force')).toMatchObject({ state: 'warning' });
    const unknown = await doctor({
      CURFEW_TOKEN_FILE: '',
      CURFEW_TOKEN: await stack.issuer.token('User', 'nobody'),
    });
    expect(found(unknown, 'caller')).toMatchObject({
      state: 'failure',
      seen: expect.stringContaining('(CALLER_UNKNOWN)'),
      next: 'curfew explain CALLER_UNKNOWN',
    });
  });

  test('a clock that is wrong is found by the database and by each service', async () => {
    const now = (): Date => new Date(Date.now() - 60_000);
    const database = await checkDatabase({ env, now });
    expect(found({ checks: database }, 'database clock')).toMatchObject({
      state: 'failure',
      seen: expect.stringMatching(/ (59|60)\.\d s ahead of this machine's/),
      next: expect.stringContaining('NTP'),
    });
    const endpoint = resolveEndpoint({
      address: `127.0.0.1:${stack.decision.port}`,
      port: 1,
      tls: undefined,
      field: 'address',
    });
    const service = await checkService({ name: 'decision', endpoint, healthNames: [] }, now);
    expect(found({ checks: service }, 'decision clock')).toMatchObject({ state: 'failure' });
  });

  test('a command line that was installed without the database driver says so and looks at the rest', async () => {
    const root = mkdtempSync(join(tmpdir(), 'curfew-packed-'));
    onTestFinished(() => rmSync(root, { recursive: true }));
    for (const part of [
      'clients',
      'core/access',
      'core/policy',
      'core/processes',
      'core/runtime',
      'proto/gen',
      'package.json',
    ])
      cpSync(part, join(root, part), { recursive: true });
    symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
    const program = join(root, 'clients/cli/bin/curfew.js');
    const { code, stdout } = await runProgram(program, ['doctor', '-o', 'json'], { env, cwd: folder });
    const diagnosis = { code, ...(JSON.parse(stdout) as Omit<Diagnosis, 'code'>) };
    expect(found(diagnosis, 'database')).toMatchObject({
      state: 'skipped',
      seen: 'this command line came without the PostgreSQL driver',
    });
    expect(found(diagnosis, 'decision service')?.state).toBe('ok');
  }, 60_000);
});
