import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { type ServiceError, status as Code } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createAdmission } from '../../../core/rpc/admission.ts';
import { leftMs } from '../../../core/rpc/refuse-early.ts';
import type { CallContext } from '../../../core/rpc/route.ts';
import { openMetrics } from '../../../core/runtime/telemetry/metrics.ts';
import { DecisionService, Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { refusalOf, type TestClient } from './test-client.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { createStage, decisionRoute } from './test-server.ts';

const { authorize, batchAuthorize, getStatus } = DecisionService.method;
const limits = {
  maxInFlight: 2,
  turnMs: 25,
  standingMs: 100,
  goneMs: 100,
  fewestPerTurn: 32,
  leastLeftMs: 10,
};
const overload = { methods: [authorize, batchAuthorize], limits };

let issuer: TestIssuer;
let token: string;
const { serve, started, clear } = createStage(() => issuer);

beforeAll(async () => {
  issuer = await createTestIssuer();
  token = await issuer.token();
});
afterEach(clear);
afterAll(() => issuer.remove());

/** A handler that answers when it is told to. */
function heldHandler() {
  const waiting: (() => void)[] = [];
  const arrivals: (() => void)[] = [];
  return {
    authorize: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      arrivals.shift()?.();
      await promise;
      return { effect: Effect.ALLOW };
    },
    arrival: () => new Promise<void>((resolve) => void arrivals.push(resolve)),
    releaseAll: () => {
      for (const release of waiting.splice(0)) release();
    },
  };
}

/** A server that answers as many calls as it may, none of which is done. */
async function fullServer() {
  const held = heldHandler();
  const client = await serve({ overload, routes: [decisionRoute({ authorize: held.authorize })] });
  const calls: Promise<{ readonly effect: Effect }>[] = [];
  for (let call = 0; call < limits.maxInFlight; call += 1) {
    const arrival = held.arrival();
    calls.push(client.unary(authorize, {}, { token }));
    await arrival;
  }
  return { client, held, calls };
}

function pushbackOf({ metadata }: ServiceError): readonly unknown[] {
  return metadata.get('grpc-retry-pushback-ms');
}

async function openSession(): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${started().port}`);
  await once(session, 'connect');
  return session;
}

async function healthOf(client: TestClient): Promise<unknown> {
  const { path, requestSerialize, responseDeserialize } = healthService['Check'] ?? expect.unreachable();
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const answered = (_error: ServiceError | null, response?: unknown): void => resolve(response);
  client.raw.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: '' }, answered);
  return await promise;
}

describe('D15 a server that answers as many calls as it may', () => {
  test('refuses the next with a reason and says how long to wait', async () => {
    const { client, held, calls } = await fullServer();
    const call = client.unary(authorize, {}, { token });
    expect(await refusalOf(call)).toMatchObject({
      code: Code.RESOURCE_EXHAUSTED,
      message: 'as many calls are being answered as may; wait a moment and call again',
      reason: 'OVERLOADED',
      domain: 'curfew',
      metadata: { why: 'in_flight' },
    });
    const error = await call.catch((error: unknown) => error);
    expect(pushbackOf(error as ServiceError)).toEqual(['50']); // grpc-js rejects with nothing else
    held.releaseAll();
    for (const answer of await Promise.all(calls)) expect(answer.effect).toBe(Effect.ALLOW);
  });

  test('answers the next when one is done', async () => {
    const { client, held, calls } = await fullServer();
    await refusalOf(client.unary(authorize, {}, { token }));
    held.releaseAll();
    await Promise.all(calls);
    const arrival = held.arrival();
    const next = client.unary(authorize, {}, { token });
    await arrival;
    held.releaseAll();
    expect((await next).effect).toBe(Effect.ALLOW);
  });

  test('refuses before it knows who calls, or reads what is asked', async () => {
    const { client, held } = await fullServer();
    expect(await refusalOf(client.unary(authorize, Buffer.from('ff', 'hex')))).toMatchObject({
      reason: 'OVERLOADED',
    });
    held.releaseAll();
  });

  test('answers about its health and its status all the same', async () => {
    const { client, held } = await fullServer();
    started().server.setServing('', true);
    expect(await healthOf(client)).toEqual({ status: 'SERVING' });
    expect(await client.unary(getStatus, {}, { token })).toMatchObject({ ready: true });
    held.releaseAll();
  });

  test('counts what it refuses, and why', async () => {
    const metrics = await openMetrics('test');
    const held = heldHandler();
    const client = await serve({
      overload: { ...overload, limits: { ...limits, maxInFlight: 1 } },
      meter: metrics.meter,
      routes: [decisionRoute({ authorize: held.authorize })],
    });
    const arrival = held.arrival();
    const call = client.unary(authorize, {}, { token });
    await arrival;
    await refusalOf(client.unary(authorize, {}, { token }));
    await refusalOf(client.unary(authorize, {}, { token, deadline: new Date(Date.now() + 1) }));
    held.releaseAll();
    await call;
    const page = await metrics.page();
    await metrics.close();
    expect(page).toContain('curfew_rpc_overload_refusals_total{why="in_flight"} 1');
    expect(page).toMatch(
      /curfew_rpc_calls_total\{rpc="curfew.decision.v1.DecisionService\/Authorize",code="RESOURCE_EXHAUSTED"\} [12]/,
    );
  });
});

test('D15 callers that never send their request take nobody’s place', async () => {
  const client = await serve({ overload });
  const session = await openSession();
  for (let call = 0; call < 10; call += 1) {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/curfew.decision.v1.DecisionService/Authorize',
      'content-type': 'application/grpc',
      authorization: `Bearer ${token}`,
    });
    stream.on('error', () => undefined); // those over the limit of this turn are refused
  }
  await new Promise<void>((resolve, reject) =>
    session.ping((error) => (error === null ? resolve() : reject(error))),
  );
  expect((await client.unary(authorize, {}, { token })).effect).toBe(Effect.ALLOW);
  session.destroy();
  await once(session, 'close');
});

test('D15 a caller who is about to give up is refused, and costs no answer', async () => {
  let answered = 0;
  const client = await serve({
    overload,
    routes: [
      decisionRoute({
        authorize: async () => {
          answered += 1;
          return {};
        },
      }),
    ],
  });
  const session = await openSession();
  const stream = session.request({
    ':method': 'POST',
    ':path': '/curfew.decision.v1.DecisionService/Authorize',
    'content-type': 'application/grpc',
    'grpc-timeout': '9m',
    authorization: `Bearer ${token}`,
  });
  stream.end(Buffer.alloc(5));
  const [headers] = (await once(stream, 'response')) as [Readonly<Record<string, string>>];
  expect(headers).toMatchObject({ 'grpc-status': '8', 'grpc-retry-pushback-ms': '50' });
  expect(answered).toBe(0);
  session.destroy();
  await client.unary(authorize, {}, { token });
});

test('D15 a call of many questions takes the place of many', async () => {
  const weights = [2, 3, 2];
  const held = heldHandler();
  const client = await serve({
    overload,
    routes: [
      decisionRoute({
        authorize: held.authorize,
        batchAuthorize: async (_request: object, call: CallContext) => {
          call.weigh(weights.shift() ?? 0);
          return {};
        },
      }),
    ],
  });
  const arrival = held.arrival();
  const call = client.unary(authorize, {}, { token });
  await arrival;
  expect(await refusalOf(client.unary(batchAuthorize, {}, { token }))).toMatchObject({
    reason: 'OVERLOADED',
  });
  held.releaseAll();
  await call;
  // Alone it is let in, however many there are.
  await client.unary(batchAuthorize, {}, { token });
  await client.unary(batchAuthorize, {}, { token });
});

test('D15 a call that might not be answered before its deadline is refused', () => {
  const budget = { taken: 9, waitMs: 50, isSpent: () => false, take: () => undefined };
  const refused: string[] = [];
  const admission = createAdmission({
    limits: { ...limits, maxInFlight: 100 },
    onRefused: (why) => refused.push(why),
    budget,
  });
  expect(admission.arrive(99)).toBe('deadline');
  expect(admission.arrive(101)).toBeUndefined();
  expect(refused).toEqual(['deadline']);
});

test('D15 a call that has waited until its caller is about to give up is not answered', () => {
  const admission = createAdmission({ limits, onRefused: () => undefined });
  expect(() => admission.begin(9)).toThrow(expect.objectContaining({ reason: 'OVERLOADED' }));
});

test.each([
  ['100m', 100],
  ['2S', 2_000],
  ['1H', 3_600_000],
  ['500u', 0.5],
  ['1x', Number.POSITIVE_INFINITY],
  [undefined, Number.POSITIVE_INFINITY],
])('a grpc-timeout of %s is read', (text, ms) => {
  expect(leftMs(text)).toBe(ms);
});
