import { describe, expect, test, vi } from 'vitest';
import { AccessError } from '../../../../core/access/access-error.ts';
import { RequestAction, RequestState, Verdict } from '../../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { GrantService } from '../../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { accessRequest, type Company, grantId, requestId, startCompany } from '../../support/company.ts';

// Some of these start processes; a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000 });

describe('curfew review', () => {
  async function companyToReview(): Promise<Company> {
    const company = await startCompany();
    company.server.answer(GrantService, {
      getAccessRequest: () => ({ request: accessRequest({ allowedActions: [RequestAction.REVIEW] }) }),
      reviewAccessRequest: () => ({ request: accessRequest({ state: RequestState.APPROVED }), revision: 6n }),
      listAccessRequests: () => ({ requests: [accessRequest()] }),
    });
    return company;
  }

  test('W6 shows the request and votes with the hash of what it showed', async () => {
    const company = await companyToReview();
    const { code, stdout } = await company.curfew([
      'review',
      requestId,
      '--approve',
      '-m',
      'fine',
      '--item',
      '1',
    ]);
    expect(code).toBe(0);
    expect(stdout.indexOf('look at a stuck order')).toBeLessThan(stdout.indexOf('APPROVED'));
    expect(stdout).toContain(`revoke ${grantId} --reason 'say why'\n`);
    expect(company.server.received.map(({ method }) => method)).toEqual([
      'GrantService.getAccessRequest',
      'GrantService.reviewAccessRequest',
    ]);
    expect(company.asked('GrantService.reviewAccessRequest')).toMatchObject([
      {
        id: requestId,
        verdict: Verdict.APPROVE,
        comment: 'fine',
        items: [0],
        requestHash: Buffer.alloc(32, 7),
      },
    ]);
  });

  test('the beginning of an id is enough where it stands for one', async () => {
    const company = await companyToReview();
    const { code } = await company.here(['review', '0b1f2', '--deny', '-o', 'json']);
    expect(code).toBe(0);
    expect(company.asked('GrantService.reviewAccessRequest')).toMatchObject([
      { id: requestId, verdict: Verdict.DENY },
    ]);
  });

  test.each([
    [['review', requestId], 'review: wanted --approve or --deny'],
    [['review', requestId, '--approve', '--deny'], '--approve and --deny: seen both, wanted one'],
    [
      ['review', requestId, '--approve', '--item', '0'],
      '--item: seen 0, wanted the number of an item, from 1',
    ],
    [['review', 'x', '--approve'], 'request id: seen "x", wanted a UUID or its first characters'],
  ])('%j is a usage error and nothing is voted', async (args, message) => {
    const company = await companyToReview();
    const { code, stderr } = await company.here(args);
    expect({ code, votes: company.asked('GrantService.reviewAccessRequest') }).toEqual({
      code: 2,
      votes: [],
    });
    expect(stderr).toContain(`error: ${message}`);
  });

  test.each([
    ['SELF_REVIEW', 'let somebody else review it'],
    ['REQUEST_HASH_MISMATCH', 'look at the request again and vote on what it says now'],
    [
      'AUTHENTICATION_INSUFFICIENT',
      'sign in again with your identity provider, put the new token in CURFEW_TOKEN or CURFEW_TOKEN_FILE, and vote again',
    ],
  ] as const)('%s is told with what to do', async (reason, next) => {
    const company = await companyToReview();
    company.server.answer(GrantService, {
      reviewAccessRequest: () => {
        throw new AccessError(reason, 'no');
      },
    });
    const { code, stderr } = await company.here(['review', requestId, '--approve']);
    expect(code).toBe(1);
    expect(stderr).toContain(`error: no (${reason})\nNext: ${next}\nMore: `);
  });
});
