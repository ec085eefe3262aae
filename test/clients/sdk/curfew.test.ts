import { afterEach, describe, expect, test, vi } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import {
  createCurfew,
  type Curfew,
  CurfewError,
  type Decision,
  entity,
  type Question,
} from '../../../clients/sdk/index.ts';
import { DecisionService, Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { startAnsweringServer } from '../support/answering-server.ts';
import { frame, startHttp2Server } from '../support/raw-server.ts';
import { answerBytes, answerAllow, faults, faultTimeoutMs, type Opened } from './faults.ts';

const question: Question = {
  principal: entity('User', 'ada'),
  action: 'read',
  resource: { type: 'Database', id: 'orders' },
  context: { mfa: true },
};

const closers: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0).reverse()) close();
});

function open({ options, close }: Opened): Curfew {
  const curfew = createCurfew({ authorizeTimeoutMs: faultTimeoutMs, ...options });
  closers.push(close, () => curfew.close());
  return curfew;
}

async function serveDecisions(): ReturnType<typeof startAnsweringServer> {
  const server = await startAnsweringServer({ services: [DecisionService] });
  closers.push(() => server.close());
  return server;
}

function connect(decisionAddress: string): Curfew {
  return open({ options: { decisionAddress, authorizeTimeoutMs: 5_000 }, close: () => undefined });
}

describe('D16 what is no plain ALLOW permits nothing', () => {
  test('a plain ALLOW does permit, so that the faults below can be seen to matter', async () => {
    const server = await startHttp2Server(answerAllow);
    const curfew = connect(server.address);
    closers.push(() => server.close());
    expect(await curfew.isAllowed(question)).toBe(true);
    expect(await curfew.authorize(question)).toMatchObject({ effect: 'allow' });
    expect(await curfew.authorizeAll([question])).toMatchObject([{ effect: 'allow' }]);
    expect(await curfew.enforce(question)).toMatchObject({ effect: Effect.ALLOW });
  });

  test.for(faults)('D16 $name', async (fault) => {
    const opened = await fault.open();
    const curfew = open(opened);
    const asked = { ...question, ...opened.question };
    const call = opened.signal === undefined ? {} : { signal: opened.signal };
    const [decision, isAllowed, all, enforced] = await Promise.all([
      curfew.authorize(asked, call),
      curfew.isAllowed(asked, call),
      curfew.authorizeAll([asked], call),
      curfew.enforce(asked, call).catch((error: unknown) => error),
    ]);
    expect(isAllowed).toBe(false);
    expect(enforced).toBeInstanceOf(CurfewError);
    expect([decision, ...all]).toEqual([anError, anError]);
  });

  test.each([0, 1, 3])('D16 a batch of two questions with %i answers', async (copies) => {
    const server = await startHttp2Server((stream, path) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(frame(answerBytes(path, { copies })));
    });
    closers.push(() => server.close());
    const decisions = await connect(server.address).authorizeAll([question, question]);
    expect(decisions).toEqual([anError, anError]);
  });

  test('D16 a client that was closed', async () => {
    const server = await startHttp2Server(answerAllow);
    closers.push(() => server.close());
    const curfew = connect(server.address);
    curfew.close();
    expect(await curfew.isAllowed(question)).toBe(false);
    await expect(curfew.enforce(question)).rejects.toBeInstanceOf(CurfewError);
  });

  test('D16 an ALLOW that a process reads only after it stood still past the time limit', async () => {
    const real = performance.now.bind(performance);
    let stoodStillMs = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => real() + stoodStillMs);
    const server = await startHttp2Server((stream, path) => {
      stoodStillMs += 60_000;
      answerAllow(stream, path);
    });
    closers.push(() => server.close());
    const curfew = connect(server.address);
    expect(await curfew.authorize(question)).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } });
    expect(await curfew.authorizeAll([question])).toEqual([anError]);
  });
});

const anError = { effect: 'error', error: expect.any(CurfewError) } as Decision;

describe('authorize', () => {
  test('a deny is an answer with its reasons', async () => {
    const server = await serveDecisions();
    const decidedAt = { seconds: 1n, nanos: 0 };
    server.answer(DecisionService, {
      authorize: () => ({ effect: Effect.DENY, decisionId: 'd1', decidedAt, advice: ['sign in with MFA'] }),
    });
    expect(await connect(server.address).authorize(question)).toMatchObject({
      effect: 'deny',
      answer: { advice: ['sign in with MFA'] },
    });
  });

  test('an error says the code, the reason, its facts and the fields', async () => {
    const server = await serveDecisions();
    server.answer(DecisionService, {
      authorize: () => {
        const violations = [{ field: 'resource.id', description: 'seen "", wanted an id' }];
        throw new AccessError('FIELD_INVALID', 'resource.id: seen "", wanted an id', {
          violations,
          metadata: { limit: '256' },
        });
      },
    });
    expect(await connect(server.address).authorize(question)).toMatchObject({
      error: {
        code: 'INVALID_ARGUMENT',
        reason: 'FIELD_INVALID',
        message: 'resource.id: seen "", wanted an id',
        metadata: { limit: '256' },
        violations: [{ field: 'resource.id', description: 'seen "", wanted an id' }],
      },
    });
  });

  test('one question of a batch may fail and the others are answered', async () => {
    const server = await serveDecisions();
    const decidedAt = { seconds: 1n, nanos: 0 };
    const status = { case: 'status', value: { code: 14, message: 'too old' } } as const;
    const response = {
      case: 'response',
      value: { effect: Effect.ALLOW, decisionId: 'd1', decidedAt },
    } as const;
    server.answer(DecisionService, {
      batchAuthorize: () => ({ results: [{ result: status }, { result: response }] }),
    });
    expect(await connect(server.address).authorizeAll([question, question])).toMatchObject([
      { effect: 'error', error: { code: 'UNAVAILABLE', message: 'too old' } },
      { effect: 'allow' },
    ]);
  });

  test('a question goes out exactly, with the token of now', async () => {
    const server = await serveDecisions();
    server.answer(DecisionService, { authorize: () => ({}) });
    let calls = 0;
    const token = () => `t${++calls}`;
    const curfew = open({
      options: { decisionAddress: server.address, token, authorizeTimeoutMs: 5_000 },
      close: () => undefined,
    });
    await curfew.authorize({ ...question, context: { n: 2n ** 63n - 1n }, atLeastRevision: 2n ** 53n + 1n });
    await curfew.authorize(question);
    expect(server.received.map(({ token: sent }) => sent)).toEqual(['t1', 't2']);
    expect(server.received[0]?.request).toMatchObject({
      principal: { type: 'User', id: 'ada' },
      action: { type: '', id: 'read' },
      resource: { type: 'Database', id: 'orders' },
      context: { n: { kind: { case: 'longValue', value: 9223372036854775807n } } },
      atLeastRevision: 9007199254740993n,
    });
  });

  test('isAllowed tells onError what went wrong', async () => {
    const told: CurfewError[] = [];
    const server = await serveDecisions();
    server.answer(DecisionService, {
      authorize: () => {
        throw new AccessError('STALE', 'the ledger was last read 5 s ago');
      },
    });
    const curfew = createCurfew({
      decisionAddress: server.address,
      authorizeTimeoutMs: 5_000,
      onError: (error) => told.push(error),
    });
    closers.push(() => curfew.close());
    expect(await curfew.isAllowed(question)).toBe(false);
    expect(told).toMatchObject([{ code: 'UNAVAILABLE', reason: 'STALE' }]);
  });

  test('an onError that throws still leaves the caller a decision, and its owner a warning', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    const curfew = createCurfew({
      decisionAddress: '127.0.0.1:1',
      authorizeTimeoutMs: 5_000,
      onError: () => {
        throw new Error('the logger is down');
      },
    });
    closers.push(() => curfew.close());
    expect(await curfew.isAllowed(question)).toBe(false);
    expect((await warned).message).toContain('the logger is down');
  });

  test('a service that comes back is found again by the same client', async () => {
    const first = await startHttp2Server(answerAllow);
    const curfew = connect(first.address);
    expect(await curfew.isAllowed(question)).toBe(true);
    first.close();
    expect(await curfew.isAllowed(question)).toBe(false);
    const port = Number(first.address.split(':')[1]);
    const again = await startAnsweringServer({ services: [DecisionService], port });
    closers.push(() => again.close());
    again.answer(DecisionService, {
      authorize: () => ({ effect: Effect.ALLOW, decisionId: 'd1', decidedAt: { seconds: 1n, nanos: 0 } }),
    });
    await expect.poll(() => curfew.isAllowed(question), { timeout: 60_000 }).toBe(true);
  });
});
