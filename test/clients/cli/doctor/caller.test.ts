import { expect, onTestFinished, test } from 'vitest';
import { askAsCaller } from '../../../../clients/cli/doctor/caller.ts';
import { createCurfew } from '../../../../clients/sdk/index.ts';
import { DecisionService } from '../../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { startCompany } from '../../support/company.ts';

test('the policies in force that the decision service refused are a failure that names them', async () => {
  const { server } = await startCompany();
  const status = { ready: true, policyDigest: 'before', refusedPolicyDigest: 'refused-set' };
  server.answer(DecisionService, { getStatus: () => status });
  const { address } = server;
  const curfew = createCurfew({ decisionAddress: address, grantAddress: address, token: 'ada.token' });
  onTestFinished(() => curfew.close());
  const { checks, policyDigest } = await askAsCaller(curfew);
  expect(policyDigest).toBe('before');
  expect(checks).toMatchObject([
    { state: 'ok' },
    {
      state: 'failure',
      seen: expect.stringContaining('refused the policies in force, refused-set, by its self-check'),
      next: 'its log names the policies and what differed',
    },
  ]);
});
