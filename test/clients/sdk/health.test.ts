import { afterAll, beforeAll, expect, test } from 'vitest';
import { resolveEndpoint } from '../../../clients/sdk/endpoint.ts';
import { type HealthAnswer, checkHealth } from '../../../clients/sdk/health.ts';
import { createTestIssuer, type TestIssuer } from '../../core/rpc/test-issuer.ts';
import { startServer, type TestServer } from '../../core/rpc/test-server.ts';

let issuer: TestIssuer;
let started: TestServer;
beforeAll(async () => {
  issuer = await createTestIssuer();
  started = await startServer(issuer);
});
afterAll(async () => {
  await started.server.close();
  await issuer.remove();
});

function check(service: string): Promise<HealthAnswer> {
  const address = `127.0.0.1:${started.port}`;
  return checkHealth(
    resolveEndpoint({ address, port: 1, tls: undefined, field: 'address' }),
    service,
    10_000,
  );
}

test('the state of a service is told without credentials, with the time by the clock of the server', async () => {
  started.server.setServing('curfew.decision.grants', true);
  const before = Date.now();
  const { status, date } = await check('curfew.decision.grants');
  expect(status).toBe('SERVING');
  expect(date?.getTime()).toBeGreaterThan(before - 2_000);
  expect(date?.getTime()).toBeLessThanOrEqual(Date.now());
  started.server.setServing('curfew.decision.grants', false);
  expect((await check('curfew.decision.grants')).status).toBe('NOT_SERVING');
});

test('a service that there is not is an error', async () => {
  await expect(check('nothing')).rejects.toMatchObject({ name: 'CurfewError', code: 'NOT_FOUND' });
});
