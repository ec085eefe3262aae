import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type ClientReadableStream, status as Code, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeAll, afterAll, describe, expect, test } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import type { Handlers } from '../../../core/rpc/route.ts';
import type { RpcServerOptions } from '../../../core/rpc/serve.ts';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { connect, readRefusal, refusalOf, type TestClient } from './test-client.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { collectLogs, decisionRoute, grantRoute, startServer, type TestServer } from './test-server.ts';

const { authorize } = DecisionService.method;
const { watchAccessRequest, getGrant } = GrantService.method;
const id = '0198c0de-0000-7000-8000-000000000001';

let issuer: TestIssuer;
let token: string;
let started: TestServer | undefined;
let client: TestClient | undefined;

beforeAll(async () => {
  issuer = await createTestIssuer();
  token = await issuer.token();
});

afterEach(async () => {
  client?.close();
  await started?.server.close();
  client = undefined;
  started = undefined;
});

afterAll(() => issuer.remove());

async function serve(options: Partial<RpcServerOptions>): Promise<TestClient> {
  started = await startServer(issuer, options);
  client = connect(started.port);
  return client;
}

type GrantHandlers = Partial<Handlers<typeof GrantService>>;

async function endOf(stream: ClientReadableStream<unknown>): Promise<ServiceError> {
  stream.resume();
  const [error] = (await once(stream, 'error')) as [ServiceError]; // grpc-js emits nothing else
  return error;
}

describe('unary calls', () => {
  test('the handler knows the caller, the deadline and the size of the request', async () => {
    const deadline = new Date(Date.now() + 60_000);
    let seen: Date | undefined;
    const calls = await serve({
      routes: [
        decisionRoute({
          authorize: async (request, call) => {
            seen = call.deadline;
            return {
              decisionId: `${call.caller.uid.id} ${request.useId}`,
              revision: BigInt(call.requestBytes),
            };
          },
        }),
      ],
    });
    const response = await calls.unary(authorize, { useId: 'u1' }, { token, deadline });
    expect(response).toMatchObject({ decisionId: 'ada u1', revision: 4n });
    expect(Math.abs((seen?.getTime() ?? 0) - deadline.getTime())).toBeLessThan(5_000);
  });

  test('a call without a deadline has none', async () => {
    let hasDeadline = true;
    const calls = await serve({
      routes: [
        decisionRoute({
          authorize: async (_request, call) => {
            hasDeadline = 'deadline' in call;
            return {};
          },
        }),
      ],
    });
    await calls.unary(authorize, {}, { token });
    expect(hasDeadline).toBe(false);
  });

  test('an error keeps its reason, metadata and violations on the wire', async () => {
    const calls = await serve({
      routes: [
        decisionRoute({
          authorize: async () => {
            throw new AccessError('DURATION_TOO_LONG', 'seen 8h, wanted at most 4h — ask for less', {
              metadata: { limit: '4h' },
              violations: [{ field: 'duration', description: 'seen 8h, wanted at most 4h' }],
            });
          },
        }),
      ],
    });
    expect(await refusalOf(calls.unary(authorize, {}, { token }))).toEqual({
      code: Code.INVALID_ARGUMENT,
      message: 'seen 8h, wanted at most 4h — ask for less',
      reason: 'DURATION_TOO_LONG',
      domain: 'curfew',
      metadata: { limit: '4h' },
      violations: [{ field: 'duration', description: 'seen 8h, wanted at most 4h' }],
    });
  });

  const faults: readonly [string, () => Promise<never>][] = [
    ['throws an error', async () => Promise.reject(new Error('SELECT secret FROM passwords'))],
    [
      'throws no error at all',
      async () => Promise.reject('SELECT secret FROM passwords' as unknown as Error),
    ], // on purpose
    [
      'throws before its promise',
      () => {
        throw new TypeError('SELECT secret FROM passwords');
      },
    ],
    ['answers what cannot be encoded', async () => ({ revision: 'SELECT' as unknown as bigint }) as never], // on purpose
  ];
  test.each(faults)(
    'a handler that %s is an INTERNAL with a fixed text, and the log has the fault',
    async (_case, fault) => {
      const { logger, lines } = collectLogs();
      const calls = await serve({ logger, routes: [decisionRoute({ authorize: fault })] });
      const refusal = await refusalOf(calls.unary(authorize, {}, { token }));
      expect(refusal).toMatchObject({ code: Code.INTERNAL, reason: 'INTERNAL', domain: 'curfew' });
      expect(refusal.message).toBe(
        'internal error: a fault of Curfew, not of the call; its log has the cause',
      );
      expect(lines()).toEqual([
        expect.objectContaining({ level: 'error', rpc: 'curfew.decision.v1.DecisionService/Authorize' }),
      ]);
      expect(JSON.stringify(lines())).not.toContain(token);
    },
  );

  test('an error of the caller is not logged', async () => {
    const { logger, lines } = collectLogs();
    const calls = await serve({ logger });
    await refusalOf(calls.unary(authorize, {}));
    expect(lines()).toEqual([]);
  });

  test('the signal is aborted when the deadline passes', async () => {
    const aborted = Promise.withResolvers<void>();
    const calls = await serve({
      routes: [
        decisionRoute({
          authorize: async (_request, { signal }) => {
            await once(signal, 'abort');
            aborted.resolve();
            throw signal.reason;
          },
        }),
      ],
    });
    const refusal = await refusalOf(
      calls.unary(authorize, {}, { token, deadline: new Date(Date.now() + 100) }),
    );
    expect(refusal.code).toBe(Code.DEADLINE_EXCEEDED);
    await aborted.promise;
  });
});

describe('streams', () => {
  test('every message arrives, in order, and then the end', async () => {
    const handlers: GrantHandlers = {
      async *watchAccessRequest() {
        for (const state of [RequestState.PENDING, RequestState.APPROVED]) {
          yield { request: { id, state } };
        }
      },
    };
    const calls = await serve({ routes: [grantRoute(handlers)] });
    const states: unknown[] = [];
    for await (const response of calls.stream(watchAccessRequest, { id }, { token })) {
      states.push(response.request?.state);
    }
    expect(states).toEqual([RequestState.PENDING, RequestState.APPROVED]);
  });

  test('a client that cancels ends the handler', async () => {
    const ended = Promise.withResolvers<boolean>();
    const handlers: GrantHandlers = {
      async *watchAccessRequest(_request, { signal }) {
        try {
          yield { request: { id } };
          await once(signal, 'abort');
        } finally {
          ended.resolve(signal.aborted);
        }
      },
    };
    const { logger, lines } = collectLogs();
    const calls = await serve({ logger, routes: [grantRoute(handlers)] });
    const stream = calls.stream(watchAccessRequest, { id }, { token });
    await once(stream, 'data');
    stream.cancel();
    expect((await endOf(stream)).code).toBe(Code.CANCELLED);
    expect(await ended.promise).toBe(true);
    expect(lines()).toEqual([]);
  });

  test('a connection that breaks ends the handler', async () => {
    const ended = Promise.withResolvers<void>();
    const handlers: GrantHandlers = {
      async *watchAccessRequest(_request, { signal }) {
        yield { request: { id } };
        await once(signal, 'abort');
        ended.resolve();
      },
    };
    const calls = await serve({ routes: [grantRoute(handlers)] });
    const stream = calls.stream(watchAccessRequest, { id }, { token });
    stream.on('error', () => undefined); // the connection is about to break
    await once(stream, 'data');
    calls.close();
    stream.cancel();
    await ended.promise;
  });

  test('a client that does not read holds the handler back', async () => {
    let produced = 0;
    const ended = Promise.withResolvers<void>();
    const handlers: GrantHandlers = {
      async *watchAccessRequest() {
        try {
          for (; produced < 10_000; produced += 1) {
            yield { request: { id, reason: 'x'.repeat(10_000) } };
          }
        } finally {
          ended.resolve();
        }
      },
    };
    const calls = await serve({ routes: [grantRoute(handlers)] });
    const stream = calls.stream(watchAccessRequest, { id }, { token });
    stream.on('error', () => undefined); // cancelled below
    await once(stream, 'readable');
    let before = -1;
    while (before !== produced) {
      before = produced;
      await calls.unary(getGrant, {}, { token }).catch(() => undefined); // a round trip later
    }
    expect(produced).toBeLessThan(1_000);
    stream.cancel();
    await ended.promise;
  });

  test('an error after messages keeps its reason', async () => {
    const handlers: GrantHandlers = {
      async *watchAccessRequest() {
        yield { request: { id } };
        throw new AccessError('REQUEST_NOT_FOUND', 'no such request');
      },
    };
    const calls = await serve({ routes: [grantRoute(handlers)] });
    const refusal = readRefusal(await endOf(calls.stream(watchAccessRequest, { id }, { token })));
    expect(refusal).toMatchObject({
      code: Code.NOT_FOUND,
      reason: 'REQUEST_NOT_FOUND',
      message: 'no such request',
    });
  });

  test('a stream without credentials or against the rules never starts', async () => {
    let started = 0;
    const handlers: GrantHandlers = {
      async *watchAccessRequest() {
        started += 1;
        yield {};
      },
    };
    const calls = await serve({ routes: [grantRoute(handlers)] });
    const anonymous = readRefusal(await endOf(calls.stream(watchAccessRequest, { id })));
    expect(anonymous.reason).toBe('CREDENTIALS_MISSING');
    const malformed = readRefusal(await endOf(calls.stream(watchAccessRequest, { id: 'x' }, { token })));
    expect(malformed.violations).toEqual([
      { field: 'id', description: 'seen "x", wanted: must be a valid UUID' },
    ]);
    expect(started).toBe(0);
  });
});

describe('closing', () => {
  test('calls finish, streams are told to call again, new calls are refused', async () => {
    const inside = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const calls = await serve({
      routes: [
        decisionRoute({
          authorize: async () => {
            inside.resolve();
            await goOn.promise;
            return { decisionId: 'finished' };
          },
        }),
        grantRoute({
          async *watchAccessRequest(_request, { signal }) {
            yield { request: { id } };
            await once(signal, 'abort');
          },
        }),
      ],
    });
    const running = calls.unary(authorize, {}, { token });
    const stream = calls.stream(watchAccessRequest, { id }, { token });
    await Promise.all([inside.promise, once(stream, 'data')]);
    const closed = started?.server.close();
    const refusal = readRefusal(await endOf(stream));
    expect(refusal).toMatchObject({ code: Code.UNAVAILABLE, reason: 'NOT_READY' });
    goOn.resolve();
    expect((await running).decisionId).toBe('finished');
    await closed;
    expect((await refusalOf(calls.unary(authorize, {}, { token }))).code).toBe(Code.UNAVAILABLE);
    started = undefined;
  });

  test('a call that does not finish is cut after the grace', async () => {
    const inside = Promise.withResolvers<void>();
    const calls = await serve({
      limits: { closeGraceMs: 50 },
      routes: [
        decisionRoute({
          authorize: async () => {
            inside.resolve();
            return await new Promise<never>(() => undefined);
          },
        }),
      ],
    });
    const running = refusalOf(calls.unary(authorize, {}, { token }));
    await inside.promise;
    await started?.server.close();
    expect((await running).code).not.toBe(Code.OK);
    started = undefined;
  });
});

describe('listening', () => {
  const refusedAddresses: readonly [string, RegExp][] = [
    ['0.0.0.0:0', /without TLS wanted a loopback address.*CURFEW_TLS_CERT/],
    ['[::]:0', /without TLS wanted a loopback address/],
    ['192.0.2.1:0', /without TLS wanted a loopback address/],
    ['127.0.0.1', /wanted an address such as 127\.0\.0\.1:2200/],
    ['127.0.0.1:65536', /wanted an address/],
    ['curfew.acme.test:2200', /wanted an address/],
    ['unix:/tmp/curfew.sock', /wanted an address/],
    ['', /wanted an address/],
  ];
  test.each(refusedAddresses)('without TLS %j is refused', async (address, message) => {
    await serve({});
    await expect(started?.server.listen(address)).rejects.toThrow(message);
  });

  test('a taken port is one clear error', async () => {
    await serve({});
    const other = await startServer(issuer);
    await expect(other.server.listen(`127.0.0.1:${started?.port}`)).rejects.toThrow(
      /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
    );
    await other.server.close();
  });

  test.each(['[::1]:0', 'localhost:0'])('%s is loopback', async (address) => {
    await serve({});
    expect(await started?.server.listen(address)).toBeGreaterThan(0);
  });
});

test('D21 a connection without calls is closed', async () => {
  await serve({ limits: { maxConnectionIdleMs: 100 } });
  const session = connectHttp2(`http://127.0.0.1:${started?.port}`);
  await once(session, 'close');
  expect(session.destroyed).toBe(true);
});
