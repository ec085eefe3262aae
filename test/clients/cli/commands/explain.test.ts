import { describe, expect, test } from 'vitest';
import { AccessError } from '../../../../core/access/access-error.ts';
import { DirectoryService } from '../../../../proto/gen/curfew/grant/v1/directory_service_pb.ts';
import { startCompany } from '../../support/company.ts';
import { runHere } from '../../support/run-curfew.ts';

describe('curfew explain', () => {
  test.each(['TOKEN_EXPIRED', 'token-expired', 'ERROR_REASON_TOKEN_EXPIRED'])(
    '%s: code, meaning, cause and remedy, without any service',
    async (given) => {
      const { code, stdout, stderr } = await runHere(['explain', given]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(
        /^TOKEN_EXPIRED\n {2}gRPC code +UNAUTHENTICATED\n {2}meaning +the token is past its end\n {2}cause .*\n {2}what to do .*\n$/,
      );
    },
  );

  test('a name that is none is a usage error with the closest that there is', async () => {
    const { code, stdout, stderr } = await runHere(['explain', 'TOKEN_EXPIERD']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      'error: reason: seen "TOKEN_EXPIERD", did you mean `TOKEN_EXPIRED`?\nNext: curfew explain lists every reason\n',
    );
  });

  test.each(['constructor', 'UNSPECIFIED', ''])('"%s" is no reason', async (given) => {
    expect((await runHere(['explain', given])).code).toBe(2);
  });

  test('without a reason every one is listed, and with -o json both are JSON', async () => {
    const listed = await runHere(['explain']);
    expect(listed.stdout).toMatch(/^REASON +GRPC CODE +MEANING\nFIELD_INVALID +INVALID_ARGUMENT +a field/);
    const all = JSON.parse((await runHere(['explain', '-o', 'json'])).stdout) as { reasons: unknown[] };
    const one: unknown = JSON.parse((await runHere(['explain', 'STALE', '-o', 'json'])).stdout);
    expect(one).toMatchObject({ reason: 'STALE', code: 'UNAVAILABLE' });
    expect(all.reasons).toContainEqual(one);
  });
});

test('an error ends with the command that explains its reason', async () => {
  const { server, curfew } = await startCompany();
  server.answer(DirectoryService, {
    getEntity: () => {
      throw new AccessError('TOKEN_EXPIRED', 'the token expired');
    },
  });
  const { stderr } = await curfew(['whoami']);
  const [command, ...words] = stderr.trim().split('\n').at(-1)?.split(' ').slice(2) ?? [];
  expect([command?.endsWith('curfew.js'), ...words]).toEqual([true, 'explain', 'TOKEN_EXPIRED']);
  expect((await curfew(words)).stdout).toMatch(/^TOKEN_EXPIRED\n/);
});
