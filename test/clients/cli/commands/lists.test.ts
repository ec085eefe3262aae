import { describe, expect, test, vi } from 'vitest';
import {
  EndReason,
  GrantState,
  RequestState,
  Verdict,
} from '../../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { GrantService } from '../../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { LedgerService } from '../../../../proto/gen/curfew/grant/v1/ledger_service_pb.ts';
import {
  accessRequest,
  ada,
  grace,
  grant,
  grantId,
  requestId,
  secondsFromNow,
  startCompany,
} from '../../support/company.ts';

// Some of these start processes; a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000 });

const { PARTIALLY_APPROVED, PENDING } = RequestState;

describe('lists', () => {
  test('requests are listed with what they wait for, and the next page with its command', async () => {
    const company = await startCompany();
    company.server.answer(GrantService, {
      listAccessRequests: () => ({ requests: [accessRequest()], nextPageToken: 'a b' }),
    });
    const { code, stdout } = await company.curfew([
      'requests',
      '--mine',
      '--state',
      'pending,partially-approved',
      '--limit',
      '7',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`${requestId} {2}PENDING {2}User::"ada" {2}read Database::"orders" {2}20s {2}owner`),
    );
    expect(stdout).toContain("requests --mine --state pending,partially-approved --page-token 'a b'\n");
    expect(company.asked('GrantService.listAccessRequests')).toMatchObject([
      { pageSize: 7, mine: true, toReview: false, states: [PENDING, PARTIALLY_APPROVED] },
    ]);
  });

  test('W10 a request is shown with its reason and comments made harmless', async () => {
    const company = await startCompany();
    const evil = 'a\u001b]0;owned\u0007\u202e\u0000b';
    const review = { reviewer: { type: 'User', id: evil }, comment: evil, verdict: Verdict.DENY };
    company.server.answer(GrantService, {
      getAccessRequest: () => ({ request: accessRequest({ reason: evil, ticket: evil, reviews: [review] }) }),
    });
    for (const args of [[], ['-o', 'json']]) {
      const { code, stdout } = await company.here(['requests', 'show', requestId, ...args]);
      expect(code).toBe(0);
      expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
    }
  });

  test('grants --mine are those of the caller, with why they ended', async () => {
    const company = await startCompany();
    const ended = { state: GrantState.ENDED, endReason: EndReason.REVOKED, endedAt: secondsFromNow(-60) };
    company.server.answer(GrantService, { listGrants: () => ({ grants: [grant(), grant(ended)] }) });
    const { code, stdout } = await company.curfew(['grants', '--mine', '--state', 'active,ended']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/ACTIVE {11}User::"ada" {2}read Database::"orders" {2}prod-reads .*\(in 1\d s\)/);
    expect(stdout).toMatch(/ENDED \(REVOKED\) .*\(1 min( \d s)? ago\)/);
    expect(stdout).toMatch(new RegExp(`Next: .* release ${grantId}\n$`));
    expect(company.asked('GrantService.listGrants')).toMatchObject([{ subject: ada, states: [1, 2] }]);
  });

  test.each([
    [
      ['requests', '--state', 'open'],
      '--state: seen "open", wanted one or more of pending, approved, partially_approved',
    ],
    [['requests', '--limit', '501'], '--limit: seen 501, wanted 1 to 500'],
    [['grants', '--mine', '--subject', 'User::bob'], '--mine and --subject: seen both, wanted one'],
  ])('%j is a usage error', async (args, message) => {
    const company = await startCompany();
    const { code, stderr } = await company.here(args);
    expect(code).toBe(2);
    expect(stderr).toContain(`error: ${message}`);
  });
});

describe('curfew ledger', () => {
  test('ls lists what happened', async () => {
    const company = await startCompany();
    const event = {
      revision: 2n,
      at: secondsFromNow(0),
      kind: 'GRANT_STARTED',
      actor: 'User::"grace"',
      grantId,
    };
    company.server.answer(LedgerService, { listEvents: () => ({ events: [event] }) });
    const { code, stdout } = await company.curfew(['ledger', 'ls', '--grant', grantId]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`2 +\\S+ +GRANT_STARTED {2}User::"grace" {2}grant ${grantId}`));
    expect(company.asked('LedgerService.listEvents')).toMatchObject([{ grantId, pageSize: 50 }]);
  });

  test.each([
    [true, 0, 'INTACT'],
    [false, 1, 'BROKEN'],
  ])('verify of a ledger whose intactness is %s exits %i', async (intact, wanted, word) => {
    const company = await startCompany();
    const faults = intact ? [] : [{ revision: 3n, description: 'hash differs' }];
    company.server.answer(LedgerService, {
      verifyLedger: () => ({ intact, firstRevision: 1n, lastRevision: 9n, faults }),
    });
    const { code, stdout } = await company.here(['ledger', 'verify']);
    expect({ code, word: stdout.slice(0, 6) }).toEqual({ code: wanted, word });
    expect(stdout.includes('3         hash differs')).toBe(!intact);
  });

  test('pairs counts who approves whose requests, in the last thirty days unless said', async () => {
    const company = await startCompany();
    const pair = { approver: ada, approved: grace, approvals: 7, approvalsInReturn: 5 };
    company.server.answer(LedgerService, {
      reportApprovalPairs: () => ({ pairs: [{ ...pair, lastAt: secondsFromNow(0) }] }),
    });
    const { code, stdout } = await company.here(['ledger', 'pairs']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/User::"ada" {2}User::"grace" {2}7 +5 +\S/);
    await company.here(['ledger', 'pairs', '--since', '7d']);
    expect(company.asked('LedgerService.reportApprovalPairs')).toMatchObject([
      { within: { seconds: 2_592_000n } },
      { within: { seconds: 604_800n } },
    ]);
  });
});
