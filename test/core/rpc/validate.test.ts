import { status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Verdict } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import type { TestClient } from './test-client.ts';
import { refusalOf } from './test-client.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { createStage, grantRoute } from './test-server.ts';

const { reviewAccessRequest, requestAccess } = GrantService.method;

let issuer: TestIssuer;
let client: TestClient;
let token: string;
const { serve, clear } = createStage(() => issuer);

beforeAll(async () => {
  issuer = await createTestIssuer();
  token = await issuer.token();
  const grant = grantRoute({ requestAccess: async () => ({}), reviewAccessRequest: async () => ({}) });
  client = await serve({ routes: [grant] });
});

afterAll(async () => {
  await clear();
  await issuer.remove();
});

test('a broken rule is named with the value seen and the one wanted', async () => {
  const request = { id: 'x', verdict: Verdict.APPROVE, requestHash: new Uint8Array(31) };
  const refusal = await refusalOf(client.unary(reviewAccessRequest, request, { token }));
  expect(refusal).toMatchObject({ code: Code.INVALID_ARGUMENT, reason: 'FIELD_INVALID', domain: 'curfew' });
  expect(refusal.violations).toEqual([
    { field: 'id', description: 'seen "x", wanted: must be a valid UUID' },
    { field: 'request_hash', description: 'seen 31 bytes, wanted: must be 32 bytes' },
  ]);
  expect(refusal.message).toContain('id: seen "x"');
});

test.each([0, 99])('an enum value of %i is refused', async (number) => {
  const verdict = number as Verdict; // what a client of another version may send
  const request = { id: '0198c0de-0000-7000-8000-000000000001', verdict, requestHash: new Uint8Array(32) };
  const refusal = await refusalOf(client.unary(reviewAccessRequest, request, { token }));
  expect(refusal.violations.map(({ field }) => field)).toEqual(['verdict']);
  expect(refusal.violations[0]?.description).toContain(`seen ${number}, wanted`);
});

test('a duration that is not positive is shown as a duration', async () => {
  const items = [{ resource: { type: 'Database', id: 'orders' }, actions: [{ id: 'read' }] }];
  const refusal = await refusalOf(
    client.unary(requestAccess, { items, duration: { seconds: -1n } }, { token }),
  );
  expect(refusal.violations).toEqual([
    { field: 'duration', description: 'seen -1s, wanted: must be greater than 0s' },
  ]);
});

test('a reason is never repeated in an error', async () => {
  const items = [{ resource: { type: 'Database', id: 'orders' }, actions: [{ id: 'read' }] }];
  const reason = 'secret plans '.repeat(1_000);
  const refusal = await refusalOf(client.unary(requestAccess, { items, reason }, { token }));
  expect(refusal.violations).toEqual([
    { field: 'reason', description: 'seen 13000 characters, wanted: must be at most 8000 bytes' },
  ]);
  expect(refusal.message).not.toContain('secret');
});

test('a violation deep in a list is named by its path', async () => {
  const items = [
    { resource: { type: 'Database', id: 'orders' }, actions: [{ id: 'read' }] },
    { actions: [] },
  ];
  const refusal = await refusalOf(client.unary(requestAccess, { items }, { token }));
  expect(refusal.violations.map(({ field }) => field)).toEqual(['items[1].resource', 'items[1].actions']);
});
