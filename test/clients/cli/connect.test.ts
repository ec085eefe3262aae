import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import { DirectoryService } from '../../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import { startCompany } from '../support/company.ts';
import { nextWords } from '../support/next-words.ts';
import { runCurfew, runHere } from '../support/run-curfew.ts';
import { tokensFolder } from '../support/tokens-folder.ts';

// Some of these start processes; a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000 });

describe('who is calling', () => {
  test.each([
    [['--as', 'bob'], {}, 'error: --as: seen "bob", wanted one of ada, ci, grace'],
    [['--as', 'ada', '--token-file', 'x'], {}, 'error: --as and --token-file: seen both, wanted one'],
    [[], {}, 'error: nothing says who is calling\nNext: add --as NAME'],
    [
      [],
      { CURFEW_TOKEN: 'a', CURFEW_TOKEN_FILE: 'b' },
      'error: CURFEW_TOKEN and CURFEW_TOKEN_FILE: seen both',
    ],
    [
      [],
      { CURFEW_TOKEN: 'a', CURFEW_ADDRESS: '10.0.0.1', CURFEW_TLS: 'off' },
      'error: CURFEW_ADDRESS: seen 10.0.0.1:2200 without TLS',
    ],
    [
      [],
      { CURFEW_TOKEN: 'a', CURFEW_ADDRESS: 'host:2200' },
      'error: CURFEW_ADDRESS: seen "host:2200", wanted a host without a port',
    ],
    [[], { CURFEW_TOKEN: 'a', CURFEW_TLS: 'maybe' }, 'error: CURFEW_TLS: seen "maybe", wanted on or off'],
    [[], { CURFEW_TOKEN: 'a', CURFEW_CA: '/nonexistent' }, 'error: CURFEW_CA: cannot read /nonexistent'],
  ])('%j with %j is a usage error that says what to do', async (args, env, message) => {
    const cwd = tokensFolder({ ada: 'a.b', grace: 'c.d', ci: 'e.f' });
    const { code, stderr } = await runHere(['whoami', ...args], { env, cwd });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test('--as without a development Curfew says how to start one', async () => {
    const { code, stderr } = await runHere(['whoami', '--as', 'ada'], { cwd: '/' });
    expect(code).toBe(1);
    expect(stderr).toContain(
      'error: --as ada: there is no .curfew/tokens.json in / or above it\nNext: start a development Curfew',
    );
  });

  test('a token file is read, and --token-file goes before the environment', async () => {
    const { server, env } = await startCompany();
    const folder = tokensFolder({});
    writeFileSync(join(folder, 'token'), 'from.file\n');
    const args = ['whoami', '--token-file', 'token'];
    const { code, stdout } = await runCurfew(args, { env, cwd: folder });
    expect({ code, tokens: server.received.map(({ token }) => token) }).toEqual({
      code: 0,
      tokens: ['from.file'],
    });
    expect(nextWords(stdout)).toEqual(['grants', '--mine', '--token-file', 'token']);
  });

  test('a service that is not there is named with what to do', async () => {
    const company = await startCompany();
    company.server.close();
    const { code, stderr } = await company.curfew(['whoami']);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `error: no answer from ${company.server.address}: connect ECONNREFUSED ${company.server.address} (UNAVAILABLE)\n` +
        'Next: start Curfew with npm start, or set CURFEW_ADDRESS to the host where it runs\nMore: ',
    );
  });

  test('with -o json an error is JSON, with its reason and fields', async () => {
    const { server, curfew } = await startCompany();
    server.answer(DirectoryService, {
      getEntity: () => {
        const violations = [{ field: 'uid', description: 'seen x, wanted y' }];
        throw new AccessError('FIELD_INVALID', 'uid: seen x, wanted y', { violations });
      },
    });
    const { code, stdout, stderr } = await curfew(['whoami', '-o', 'json']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({
      error: { status: 'INVALID_ARGUMENT', reason: 'FIELD_INVALID', violations: [{ field: 'uid' }] },
    });
  });
});
