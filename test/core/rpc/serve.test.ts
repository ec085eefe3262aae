import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { status as Code } from '@grpc/grpc-js';
import { afterEach, beforeAll, afterAll, describe, expect, test } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { endOf, readRefusal, refusalOf } from './test-client.ts';
import { frame, sendRaw } from './test-connection.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { collectLogs, createStage, decisionRoute, grantRoute, startServer } from './test-server.ts';

const { authorize } = DecisionService.method;
const { watchAccessRequest } = GrantService.method;
const id = '0198c0de-0000-7000-8000-000000000001';

let issuer: TestIssuer;
let token: string;
const { serve, started, clear } = createStage(() => issuer);

beforeAll(async () => {
  issuer = await createTestIssuer();
  token = await issuer.token();
});

afterEach(clear);

afterAll(() => issuer.remove());

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
            hasDeadline = call.deadline !== undefined;
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
    ['throws no error at all', async () => Promise.reject('SELECT secret FROM passwords')], // on purpose
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

  test('a fault while the caller is identified lets nobody in, and the log has it', async () => {
    const { logger, lines } = collectLogs();
    const broken = async () => Promise.reject(new Error('the directory broke'));
    const identify = Object.assign(broken, { recall: () => undefined });
    const calls = await serve({ logger, identify });
    const refusal = await refusalOf(calls.unary(authorize, {}, { token }));
    expect(refusal).toMatchObject({ code: Code.INTERNAL, reason: 'INTERNAL' });
    expect(lines()).toEqual([expect.objectContaining({ level: 'error', msg: 'cannot identify the caller' })]);
  });

  test('an error of the caller is not logged', async () => {
    const { logger, lines } = collectLogs();
    const calls = await serve({ logger });
    await refusalOf(calls.unary(authorize, {}));
    expect(lines()).toEqual([]);
  });

  test('the signal is aborted when the deadline passes, and the server says so', async () => {
    const aborted = Promise.withResolvers<void>();
    await serve({
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
    const { code } = await sendRaw({
      port: started().port,
      path: '/curfew.decision.v1.DecisionService/Authorize',
      headers: { authorization: `Bearer ${token}`, 'grpc-timeout': '500m' },
      body: frame(Buffer.alloc(0)),
    });
    expect(code).toBe(Code.DEADLINE_EXCEEDED);
    await aborted.promise;
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
    const closed = started().server.close();
    const refusal = readRefusal(await endOf(stream));
    expect(refusal).toMatchObject({ code: Code.UNAVAILABLE, reason: 'NOT_READY' });
    goOn.resolve();
    expect((await running).decisionId).toBe('finished');
    await closed;
    expect((await refusalOf(calls.unary(authorize, {}, { token }))).code).toBe(Code.UNAVAILABLE);
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
    await started().server.close();
    expect((await running).code).not.toBe(Code.OK);
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
    await expect(started().server.listen(address)).rejects.toThrow(message);
  });

  test('a taken port is one clear error', async () => {
    await serve({});
    const other = await startServer(issuer);
    await expect(other.server.listen(`127.0.0.1:${started().port}`)).rejects.toThrow(
      /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
    );
    await other.server.close();
  });

  test.each(['[::1]:0', 'localhost:0'])('%s is loopback', async (address) => {
    await serve({});
    expect(await started().server.listen(address)).toBeGreaterThan(0);
  });
});

test('D21 a connection without calls is closed', async () => {
  await serve({ limits: { maxConnectionIdleMs: 100 } });
  const session = connectHttp2(`http://127.0.0.1:${started().port}`);
  await once(session, 'close');
  expect(session.destroyed).toBe(true);
});
