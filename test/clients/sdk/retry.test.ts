import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCurfew, type Curfew, type Question } from '../../../clients/sdk/index.ts';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { patiently } from '../../core/store/patiently.ts';
import { startAnsweringServer } from '../support/answering-server.ts';
import { frame, startHttp2Server } from '../support/raw-server.ts';
import { answer, answerAllow, answerBytes } from './faults.ts';

const question: Question = {
  principal: { type: 'User', id: 'ada' },
  action: 'read',
  resource: { type: 'Database', id: 'orders' },
};

type Respond = (stream: ServerHttp2Stream, path: string) => void;

const closers: (() => void)[] = [];
let sessions: (Http2Session | undefined)[];
beforeEach(() => {
  sessions = [];
});
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

/** A service that answers its first call so and every later one with ALLOW, and a client of it with both connections made. */
async function serve(first: Respond, later: Respond = answerAllow): Promise<Curfew> {
  const next: Respond[] = [];
  let rest = answerAllow;
  const server = await startHttp2Server((stream, path) => {
    sessions.push(stream.session);
    (next.shift() ?? rest)(stream, path);
  });
  const curfew = createCurfew({ decisionAddress: server.address, authorizeTimeoutMs: 5_000 });
  closers.push(
    () => server.close(),
    () => curfew.close(),
  );
  while (new Set(sessions).size < 2) expect(await curfew.isAllowed(question)).toBe(true);
  sessions = [];
  next.push(first);
  rest = later;
  return curfew;
}

function fail(code: number, more = {}): Respond {
  return (stream) => answer(stream, [], { 'grpc-status': String(code), ...more });
}

describe('D15 a service that has too much to do', () => {
  const refuse = fail(8, { 'grpc-retry-pushback-ms': '20' });

  test('is asked again after the time that it says, on another connection where there is one', async () => {
    let refusedAt = 0;
    let askedAgainAt = 0;
    const curfew = await serve(
      (stream, path) => {
        refusedAt = performance.now();
        refuse(stream, path);
      },
      (stream, path) => {
        askedAgainAt = performance.now();
        answerAllow(stream, path);
      },
    );
    expect(await curfew.authorize(question)).toMatchObject({ effect: 'allow' });
    expect(askedAgainAt - refusedAt).toBeGreaterThanOrEqual(19);
    expect(new Set(sessions).size).toBe(2);
  });

  test('is asked for no longer than the call may take', async () => {
    const curfew = await serve(fail(8, { 'grpc-retry-pushback-ms': '60000' }));
    const error = { code: 'RESOURCE_EXHAUSTED' };
    expect(await curfew.authorize(question, { timeoutMs: 30_000 })).toMatchObject({ effect: 'error', error });
    expect(sessions.length).toBe(1);
  });

  test('is asked no more by a caller that has given up', async () => {
    const giveUp = new AbortController();
    const curfew = await serve((stream, path) => {
      refuse(stream, path);
      giveUp.abort();
    }, refuse);
    expect(await curfew.authorize(question, { signal: giveUp.signal })).toMatchObject({
      error: { code: 'CANCELLED' },
    });
  });

  test('is sent about as many calls as it answers', async () => {
    const curfew = await serve(refuse, refuse);
    await Promise.all(Array.from({ length: 50 }, () => curfew.authorize(question, { timeoutMs: 50 })));
    sessions = [];
    const decisions = await Promise.all(
      Array.from({ length: 200 }, () => curfew.authorize(question, { timeoutMs: 1 })),
    );
    expect(decisions.every(({ effect }) => effect === 'error')).toBe(true);
    expect(sessions.length).toBeLessThan(100);
  });

  /** A service that refuses all it is asked until it is well, and a client that has found out. */
  async function serveSick(): Promise<{ readonly curfew: Curfew; readonly recover: () => void }> {
    let isWell = false;
    const respond: Respond = (stream, path) => (isWell ? answerAllow : refuse)(stream, path);
    const curfew = await serve(refuse, respond);
    await Promise.all(Array.from({ length: 100 }, () => curfew.authorize(question)));
    return {
      curfew,
      recover: () => {
        isWell = true;
      },
    };
  }

  test('is not asked at all by most calls, which fail at once', async () => {
    const { curfew } = await serveSick();
    const decisions = await Promise.all(
      Array.from({ length: 200 }, () => curfew.authorize(question, { timeoutMs: 60_000 })),
    );
    const unsent = decisions.filter(
      (decision) => decision.effect === 'error' && decision.error.message.startsWith('not sent'),
    );
    expect(unsent.length).toBeGreaterThan(50);
    expect(unsent[0]).toMatchObject({ error: { code: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED' } });
  });

  test('is asked by all again when it is well, even if callers never wait', async () => {
    const { curfew, recover } = await serveSick();
    recover();
    for (let inARow = 0; inARow < 100; ) inARow = (await curfew.isAllowed(question)) ? inARow + 1 : 0;
    // A hundred may have been sent by chance: of the next ones each has it again until enough were answered.
    const answers = () => Promise.all(Array.from({ length: 100 }, () => curfew.isAllowed(question)));
    await expect.poll(async () => new Set(await answers()), patiently).toEqual(new Set([true]));
  });

  test('is sent few calls while it answers none in time', async () => {
    const silent: Respond = () => undefined;
    const curfew = await serve(silent, silent);
    await Promise.all(Array.from({ length: 50 }, () => curfew.authorize(question, { timeoutMs: 100 })));
    sessions = [];
    const calls = Array.from({ length: 200 }, () => curfew.authorize(question, { timeoutMs: 100 }));
    expect((await Promise.all(calls)).every(({ effect }) => effect === 'error')).toBe(true);
    expect(sessions.length).toBeLessThan(100);
  });
});

test('D20 a service has two connections at least', async () => {
  const curfew = await serve(answerAllow);
  for (let call = 0; call < 4; call += 1) expect(await curfew.isAllowed(question)).toBe(true);
  expect(new Set(sessions).size).toBe(2);
});

describe('D20 a decision that a breakage swallowed is asked for once more, on another connection', () => {
  test.for<[string, Respond]>([
    ['INTERNAL', fail(13)],
    ['UNAVAILABLE', fail(14)],
    ['UNKNOWN', fail(2)],
    ['a reset with INTERNAL_ERROR', (stream) => stream.close(2)],
    ['a reset with CANCEL', (stream) => stream.close(8)],
    ['a reset with PROTOCOL_ERROR', (stream) => stream.close(1)],
    ['a connection that breaks', (stream) => stream.session?.destroy()],
    ['a proxy that says 502', (stream) => stream.respond({ ':status': 502 }, { endStream: true })],
  ])('D20 %s', async ([, first]) => {
    const curfew = await serve(first);
    expect(await curfew.authorize(question)).toMatchObject({ effect: 'allow' });
    expect(sessions.length).toBe(2);
    expect(new Set(sessions).size).toBe(2);
  });

  test('D20 and not a third time', async () => {
    const curfew = await serve(fail(14), fail(14));
    expect(await curfew.authorize(question)).toMatchObject({ error: { code: 'UNAVAILABLE' } });
    expect(sessions.length).toBe(2);
  });

  test('D20 both tries share one time limit', async () => {
    const curfew = await serve(fail(14), () => undefined);
    const startedAt = performance.now();
    const decision = await curfew.authorize(question, { timeoutMs: 1_000 });
    expect(decision).toMatchObject({ error: { code: 'DEADLINE_EXCEEDED' } });
    expect(performance.now() - startedAt).toBeGreaterThan(900);
    expect(sessions.length).toBe(2);
  });

  test('a question sent twice is one use of a metered grant', async () => {
    const bodies: Buffer[] = [];
    const keep =
      (respond: Respond): Respond =>
      (stream, path) => {
        stream.once('data', (body: Buffer) => {
          bodies.push(body);
          respond(stream, path);
        });
      };
    const curfew = await serve(keep(fail(14)), keep(answerAllow));
    expect(await curfew.isAllowed(question)).toBe(true);
    expect(bodies.length).toBe(2);
    expect(bodies[0]).toEqual(bodies[1]);
    expect(await curfew.isAllowed(question)).toBe(true);
    expect(bodies[2]).not.toEqual(bodies[0]);
  });
});

describe('what is no breakage is not asked twice', () => {
  test.for<[string, Respond]>([
    ['INVALID_ARGUMENT', fail(3)],
    ['PERMISSION_DENIED', fail(7)],
    ['UNAUTHENTICATED', fail(16)],
    ['RESOURCE_EXHAUSTED', fail(8)],
    ['RESOURCE_EXHAUSTED that asks not to be tried again', fail(8, { 'grpc-retry-pushback-ms': '-1' })],
    ['UNAVAILABLE that asks not to be tried again', fail(14, { 'grpc-retry-pushback-ms': '-1' })],
    ['an answer that cannot be read', (stream) => answer(stream, [frame(Buffer.from('<html>'))])],
    [
      'an answer without an effect',
      (stream, path) => answer(stream, [frame(answerBytes(path, { effect: 0 }))]),
    ],
  ])('%s', async ([, first]) => {
    const curfew = await serve(first);
    expect(await curfew.isAllowed(question)).toBe(false);
    expect(sessions.length).toBe(1);
  });

  test('a caller that has given up', async () => {
    const stop = new AbortController();
    const curfew = await serve(() => stop.abort());
    expect(await curfew.authorize(question, { signal: stop.signal })).toMatchObject({
      error: { code: 'CANCELLED' },
    });
    expect(sessions.length).toBe(1);
  });
});

describe('a change is sent twice only under an idempotency key', () => {
  const wish = { items: [{ resource: { type: 'Database', id: 'orders' }, actions: ['read'] }] };

  async function serveGrants(): ReturnType<typeof startAnsweringServer> {
    const server = await startAnsweringServer({ services: [GrantService] });
    closers.push(() => server.close());
    return server;
  }

  function connect(grantAddress: string): Curfew {
    const curfew = createCurfew({ grantAddress });
    closers.push(() => curfew.close());
    return curfew;
  }

  const breakOnce = <T extends object>(then: T): (() => T) => {
    let calls = 0;
    return () => {
      calls += 1;
      if (calls === 1) throw new Error('a bug');
      return then;
    };
  };

  test('a request has one', async () => {
    const server = await serveGrants();
    server.answer(GrantService, { requestAccess: breakOnce({ revision: 5n }) });
    expect(await connect(server.address).requestAccess(wish)).toMatchObject({ revision: 5n });
    const [first, second] = server.received.map(({ request }) => request);
    expect(first).toMatchObject({ idempotencyKey: expect.stringMatching(/./) });
    expect(second).toEqual(first);
  });

  test('a withdrawal has none', async () => {
    const server = await serveGrants();
    server.answer(GrantService, { withdrawAccessRequest: breakOnce({}) });
    const { grants } = connect(server.address).services;
    await expect(grants.withdrawAccessRequest({ id: 'x' })).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(server.received.length).toBe(1);
  });

  test('what changes nothing needs none', async () => {
    const server = await serveGrants();
    server.answer(GrantService, { listGrants: breakOnce({ nextPageToken: 'n' }) });
    const { grants } = connect(server.address).services;
    expect(await grants.listGrants({})).toMatchObject({ nextPageToken: 'n' });
    expect(server.received.length).toBe(2);
  });
});
