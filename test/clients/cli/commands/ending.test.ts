import { describe, expect, test, vi } from 'vitest';
import { EndReason, GrantState, RequestState } from '../../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { GrantService } from '../../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import {
  accessRequest,
  grant,
  grantId,
  requestId,
  secondsFromNow,
  startCompany,
} from '../../support/company.ts';

// Some of these start processes; a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000 });

describe('ending', () => {
  test('withdraw takes a request back', async () => {
    const company = await startCompany();
    company.server.answer(GrantService, {
      withdrawAccessRequest: () => ({ request: accessRequest({ state: RequestState.WITHDRAWN }) }),
    });
    const { code, stdout } = await company.curfew(['withdraw', requestId]);
    expect({ code, first: stdout.split('\n')[0] }).toEqual({
      code: 0,
      first: `Request ${requestId}  WITHDRAWN`,
    });
  });

  test('release gives a grant back', async () => {
    const company = await startCompany();
    const ended = grant({
      state: GrantState.ENDED,
      endReason: EndReason.RELEASED,
      endedAt: secondsFromNow(0),
    });
    company.server.answer(GrantService, { releaseGrant: () => ({ grant: ended }) });
    const { code, stdout } = await company.curfew(['release', grantId]);
    expect(code).toBe(0);
    expect(stdout).toContain('ENDED (RELEASED)');
  });

  test('revoke exits 1 when one of the grants could not be ended, and says why', async () => {
    const company = await startCompany();
    const status = { code: 7, message: 'no policy permits revoke' };
    company.server.answer(GrantService, {
      revokeGrants: () => ({
        ended: [grant({ state: GrantState.ENDED })],
        failed: [{ id: requestId, status }],
      }),
    });
    const { code, stdout } = await company.curfew(['revoke', '--subject', 'User::bob', '-r', 'left']);
    expect(code).toBe(1);
    expect(stdout).toContain(`${requestId}  no policy permits revoke  PERMISSION_DENIED`);
    expect(company.asked('GrantService.revokeGrants')).toMatchObject([
      { ids: [], subject: { type: 'User', id: 'bob' }, reason: 'left' },
    ]);
  });

  test.each([
    [
      ['revoke', '-r', 'x'],
      'revoke: seen 0 of them, wanted exactly one of ids, --subject, --resource, --workflow and --all',
    ],
    [['revoke', grantId, '--subject', 'User::bob', '-r', 'x'], 'revoke: seen 2 of them'],
    [['revoke', grantId], "required option '-r, --reason <text>' not specified"],
  ])('%j is a usage error and nothing ends', async (args, message) => {
    const company = await startCompany();
    const { code, stderr } = await company.here(args);
    expect({ code, sent: company.server.received }).toEqual({ code: 2, sent: [] });
    expect(stderr).toContain(`error: ${message}`);
  });
});
