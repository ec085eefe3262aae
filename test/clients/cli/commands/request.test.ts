import { describe, expect, test, vi } from 'vitest';
import { AccessError } from '../../../../core/access/access-error.ts';
import { RequestState, Verdict } from '../../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { GrantService } from '../../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import {
  accessRequest,
  type Company,
  grace,
  grant,
  grantId,
  orders,
  requestId,
  secondsFromNow,
  startCompany,
} from '../../support/company.ts';

// Some of these start processes; a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000 });

const { APPROVED, DENIED, EXPIRED, PARTIALLY_APPROVED, WITHDRAWN } = RequestState;
const ask = ['request', 'read', 'Database::orders', '--duration', '20s', '--reason', 'why'];

/** A Curfew where a request is pending first and then stands so. */
async function companyThatDecides(state: RequestState): Promise<Company> {
  const company = await startCompany();
  const review = { reviewer: grace, verdict: Verdict.APPROVE, comment: 'go', createdAt: secondsFromNow(0) };
  company.server.answer(GrantService, {
    requestAccess: () => ({ request: accessRequest(), revision: 5n }),
    async *watchAccessRequest() {
      yield { request: accessRequest() };
      yield { request: accessRequest({ state, reviews: [review] }) };
    },
    getGrant: () => ({ grant: grant() }),
  });
  return company;
}

describe('curfew request', () => {
  test('waits, exits 0 when it is approved, and shows the grant with its end', async () => {
    const company = await companyThatDecides(APPROVED);
    const { code, stdout, stderr } = await company.curfew(ask);
    expect(code).toBe(0);
    expect(stdout).toContain(`Request ${requestId}  PENDING`);
    expect(stdout).toContain(`Request ${requestId}  APPROVED`);
    expect(stdout).toMatch(new RegExp(`${grantId} {2}ACTIVE .*\\(in 1\\d s\\)`));
    expect(stdout).toMatch(/\nNext: .* can read Database::orders\n$/);
    expect(stderr).toContain('waiting for the decision');
    expect(stderr).toContain('APPROVE by User::"grace" for item 1: go');
    expect(company.asked('GrantService.requestAccess')).toMatchObject([
      {
        items: [{ resource: orders, actions: [{ type: '', id: 'read' }], workflow: '' }],
        duration: { seconds: 20n },
        reason: 'why',
        validateOnly: false,
        idempotencyKey: expect.stringMatching(/^[!-~]{1,64}$/),
      },
    ]);
  });

  test.each([
    ['DENIED', DENIED, 10],
    ['WITHDRAWN', WITHDRAWN, 10],
    ['PARTIALLY_APPROVED', PARTIALLY_APPROVED, 10],
    ['EXPIRED', EXPIRED, 12],
  ])('a request that ends %s exits with its own code', async (name, state, wanted) => {
    const company = await companyThatDecides(state);
    const { code, stdout } = await company.here(ask);
    expect(code).toBe(wanted);
    expect(stdout).toContain(`Request ${requestId}  ${name}`);
  });

  test('--no-wait exits 11 and says how to take it back', async () => {
    const company = await companyThatDecides(APPROVED);
    const { code, stdout } = await company.curfew([...ask, '--no-wait']);
    expect(code).toBe(11);
    expect(stdout).toMatch(new RegExp(`Next: .* remind ${requestId}\n  or: .* withdraw ${requestId}\n$`));
    expect(company.asked('GrantService.watchAccessRequest')).toEqual([]);
  });

  test('-o json prints one answer, as it is when it is decided', async () => {
    const company = await companyThatDecides(APPROVED);
    const { code, stdout } = await company.curfew([...ask, '-o', 'json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      request: { id: requestId, state: 'REQUEST_STATE_APPROVED', items: [{ grantId }] },
      revision: '5',
    });
  });

  test('--preview asks nobody and ends with the command that does', async () => {
    const company = await startCompany();
    const warning = 'User::"ada" already holds it';
    company.server.answer(GrantService, {
      requestAccess: () => ({ request: accessRequest({ id: '' }), warnings: [warning] }),
    });
    const items = ['read', 'Acme::Action::write', 'Database::orders', '+', 'read', 'Repo/acme/web'];
    const rest = ['-w', 'prod', '-s', 'User::bob', '-t', 'OPS-1', '-r', "it's why"];
    const { code, stdout } = await company.curfew(['request', ...items, ...rest, '--preview', '--no-wait']);
    expect(code).toBe(0);
    expect(stdout).toContain('Preview  PENDING');
    expect(stdout).toContain(`note: ${warning}`);
    expect(stdout).toContain(
      `request ${items.join(' ')} --reason 'it'\\''s why' --ticket OPS-1 --subject User::bob --workflow prod\n`,
    );
    expect(company.asked('GrantService.requestAccess')).toMatchObject([
      {
        items: [
          {
            resource: orders,
            actions: [{ id: 'read' }, { type: 'Acme::Action', id: 'write' }],
            workflow: 'prod',
          },
          { resource: { type: 'Repo', id: 'acme/web' }, actions: [{ id: 'read' }], workflow: 'prod' },
        ],
        subject: { type: 'User', id: 'bob' },
        ticket: 'OPS-1',
        validateOnly: true,
      },
    ]);
  });

  test('--preview shows who could answer, how long it could be and what is wanted', async () => {
    const company = await startCompany();
    const workflow = {
      id: 'prod-reads',
      maxDuration: { seconds: 14_400n },
      defaultDuration: { seconds: 3_600n },
      reasonRule: 'required',
      ticketRule: '(CHG-[0-9]+)?',
      apart: { seconds: 604_800n },
    };
    const named = (...ids: readonly string[]) => ids.map((id) => ({ type: 'User', id }));
    const steps = [
      { name: 'owner', seats: 1, candidates: 1, candidatePeople: named('grace') },
      { name: 'peer', seats: 1, candidates: 20, candidatePeople: named('grace', 'a', 'b', 'c', 'd', 'e') },
      { name: 'security', seats: 2, candidates: 3 },
    ];
    const item = {
      resource: orders,
      actions: [{ id: 'read' }],
      workflow,
      state: RequestState.PENDING,
      steps,
    };
    company.server.answer(GrantService, {
      requestAccess: () => ({ request: accessRequest({ id: '', items: [item] }) }),
    });
    const { stdout } = await company.curfew(['request', 'read', 'Database::orders', '--preview']);
    expect(stdout).toContain(
      'owner 0/1 (1 person can: grace), peer 0/1 (20 or more people can: grace, a, b, c, d, …), security 0/2 (3 people can)',
    );
    expect(stdout).toContain('item 1: 1h unless said, at most 4h; wants reason, ticket like (CHG-[0-9]+)?');
    expect(stdout).toContain("item 1: whoever's request you approved within 7d cannot approve this one");
  });

  test('Ctrl-C while it waits leaves the request and says how to go on', async () => {
    const company = await startCompany();
    company.server.answer(GrantService, {
      requestAccess: () => ({ request: accessRequest() }),
      async *watchAccessRequest() {
        yield { request: accessRequest() };
        await new Promise(() => undefined);
      },
    });
    const { code, stderr } = await company.curfew(ask, {
      during: (child) =>
        child.stderr?.on('data', (chunk: string) => void (chunk.includes('waiting') && child.kill('SIGINT'))),
    });
    expect(code).toBe(130);
    expect(stderr).toContain('the request goes on\n');
    expect(stderr).toContain(`requests show ${requestId}\n`);
    expect(stderr).toContain(`withdraw ${requestId}\n`);
  });

  test.each([
    [['request', 'read'], 'request: seen "read", wanted <action...> <resource>'],
    [['request', 'read', 'Database::a', '+'], 'request: seen "", wanted <action...> <resource>'],
    [
      ['request', 'read', 'Database::a', '-d', '0s'],
      '--duration: seen "0s", wanted a duration more than zero',
    ],
    [
      ['request', 'read', 'Database::a', '-d', '5 minutes'],
      '--duration: seen "5 minutes", wanted a duration such as 20s',
    ],
    [['request', 'read', 'Database::a', '-s', 'bob'], '--subject: seen "bob", wanted a type and an id'],
  ])('%j is a usage error and nothing is sent', async (args, message) => {
    const company = await startCompany();
    const { code, stderr } = await company.here(args);
    expect({ code, sent: company.server.received }).toEqual({ code: 2, sent: [] });
    expect(stderr).toContain(`error: ${message}`);
  });

  test('what the service refuses is shown field by field with what to do', async () => {
    const company = await startCompany();
    company.server.answer(GrantService, {
      requestAccess: () => {
        const violations = [{ field: 'duration', description: 'seen 9h, wanted at most 4h' }];
        throw new AccessError('DURATION_TOO_LONG', 'duration: seen 9h, wanted at most 4h', { violations });
      },
    });
    const { code, stdout, stderr } = await company.here(ask);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(
      'error: duration: seen 9h, wanted at most 4h (DURATION_TOO_LONG)\nNext: ask for less with --duration\nMore: ',
    );
  });
});
