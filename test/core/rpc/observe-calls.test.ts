import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import { type Metrics, openMetrics } from '../../../core/runtime/telemetry/metrics.ts';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { refusalOf } from './test-client.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { createStage, decisionRoute, grantRoute } from './test-server.ts';

const { authorize, getStatus } = DecisionService.method;
const patient = { timeout: 60_000 };

let issuer: TestIssuer;
let metrics: Metrics;
const stage = createStage(() => issuer);
beforeAll(async () => {
  issuer = await createTestIssuer();
});
beforeEach(async () => {
  metrics = await openMetrics('test');
});
afterEach(async () => {
  await stage.clear();
  await metrics.close();
});

async function counted(): Promise<readonly string[]> {
  const page = await metrics.page();
  return page.split('\n').filter((line) => /^curfew_rpc_(calls_total|sheds|authentication)/.test(line));
}

const call = (method: string, code: string) => `curfew_rpc_calls_total{rpc="${method}",code="${code}"}`;
const id = '0198c0de-0000-7000-8000-000000000001';
const decisions = 'curfew.decision.v1.DecisionService';

test('every call is counted once, under the code that the client got', async () => {
  const client = await stage.serve({
    meter: metrics.meter,
    routes: [
      decisionRoute({
        authorize: async () => {
          throw new AccessError('STALE', 'too old');
        },
      }),
    ],
  });
  const token = await issuer.token();
  await client.unary(getStatus, {}, { token });
  await client.unary(getStatus, {}, { token });
  expect(await refusalOf(client.unary(authorize, {}, { token }))).toMatchObject({ reason: 'STALE' });
  await refusalOf(client.unary(getStatus, {}, { token: 'none.of.ours' }));
  await refusalOf(client.unary(authorize, Buffer.alloc(2_000_000), { token }));
  expect(await counted()).toEqual([
    `${call(`${decisions}/GetStatus`, 'OK')} 2`,
    `${call(`${decisions}/Authorize`, 'UNAVAILABLE')} 1`,
    `${call(`${decisions}/GetStatus`, 'UNAUTHENTICATED')} 1`,
    `${call(`${decisions}/Authorize`, 'RESOURCE_EXHAUSTED')} 1`,
    'curfew_rpc_sheds_total 1',
    'curfew_rpc_authentication_failures_total{reason="TOKEN_INVALID"} 1',
  ]);
});

test('a call whose deadline passes, and one that the client gives up, are counted as such', async () => {
  const method = 'curfew.grant.v1.GrantService/WatchAccessRequest';
  const client = await stage.serve({
    meter: metrics.meter,
    routes: [
      decisionRoute({ getStatus: () => new Promise(() => undefined) }),
      grantRoute({
        async *watchAccessRequest(_request, { signal }) {
          yield {};
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        },
      }),
    ],
  });
  const token = await issuer.token();
  const late = client.unary(getStatus, {}, { token, deadline: new Date(Date.now() + 500) });
  expect((await refusalOf(late)).code).toBe(4);
  await expect.poll(counted, patient).toContain(`${call(`${decisions}/GetStatus`, 'DEADLINE_EXCEEDED')} 1`);
  const stream = client.stream(GrantService.method.watchAccessRequest, { id }, { token });
  stream.on('error', () => undefined);
  stream.once('data', () => stream.cancel());
  await expect.poll(counted, patient).toContain(`${call(method, 'CANCELLED')} 1`);
});
