import { describe, expect, test, vi } from 'vitest';
import { DecisionService } from '../../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { startCompany } from '../../support/company.ts';

// Some of these start processes; a busy machine takes seconds for one.
vi.setConfig({ testTimeout: 120_000 });

describe('curfew status', () => {
  test('exits 0 when both services are well', async () => {
    const { server, curfew } = await startCompany();
    server.answer(DecisionService, { getStatus: () => ({ revision: 12n, liveGrants: 3n, ready: true }) });
    const { code, stdout } = await curfew(['status']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/READY {2}decision service .*\n {2}revision +12\n/);
    expect(stdout).toMatch(/READY {2}grant service .*\n {2}you are +User::"ada"\n/);
  });

  test('exits 1 when one does not answer, and still shows the other', async () => {
    const { server, here } = await startCompany();
    server.answer(DecisionService, { getStatus: () => ({ revision: 12n, ready: false }) });
    const env = { CURFEW_GRANT_ADDRESS: '127.0.0.1:1' };
    const { code, stdout } = await here(['status', '-o', 'json'], { env });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      decision: { revision: '12' },
      grant: { error: { status: 'UNAVAILABLE' } },
    });
  });

  test('exits 1 when the decision service refused the policies in force, and names them', async () => {
    const { server, curfew } = await startCompany();
    const status = { ready: true, policyDigest: 'before', refusedPolicyDigest: 'refused-set' };
    server.answer(DecisionService, { getStatus: () => status });
    const { code, stdout } = await curfew(['status']);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /\n {2}policies +before\n {2}refused +refused-set: its self-check found a difference/,
    );
  });
});
