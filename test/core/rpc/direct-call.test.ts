import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { Metadata, status as Code } from '@grpc/grpc-js';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest';
import { createIdentify } from '../../../core/rpc/identity.ts';
import type { RpcServerOptions } from '../../../core/rpc/serve.ts';
import { type Metrics, openMetrics } from '../../../core/runtime/telemetry/metrics.ts';
import { AuthorizeRequestSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { encode } from './test-client.ts';
import { frame } from './test-connection.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { decisionRoute, startServer, type TestServer } from './test-server.ts';

const path = '/curfew.decision.v1.DecisionService/Authorize';
const good = frame(encode(AuthorizeRequestSchema, { useId: 'one' }));
const patient = { timeout: 60_000 };

let issuer: TestIssuer;
let started: TestServer | undefined;
beforeAll(async () => {
  issuer = await createTestIssuer();
});
afterAll(() => issuer.remove());
afterEach(async () => {
  await started?.server.close();
  started = undefined;
});

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  /** What is written, piece by piece. */
  readonly pieces?: readonly Buffer[];
}

interface Answered {
  readonly code: number;
  readonly message: string;
  readonly status: unknown;
  readonly rstCode: number;
}

/** One connection to a server. */
async function open(options: Partial<RpcServerOptions> = {}): Promise<ClientHttp2Session> {
  started = await startServer(issuer, options);
  return connectTo(started);
}

function connectTo({ port }: TestServer): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  return session;
}

async function request(session: ClientHttp2Session, headers: Sent['headers'] = {}) {
  const authorization = `Bearer ${await token}`;
  const fixed = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
  return session.request({ ...fixed, authorization, ...headers });
}

let token: Promise<string>;
beforeEach(() => {
  token = issuer.token();
});

async function ask(session: ClientHttp2Session, { headers, pieces = [good] }: Sent = {}): Promise<Answered> {
  const stream = await request(session, headers);
  const answer: IncomingHttpHeaders = {};
  stream.on('response', (received) => Object.assign(answer, received));
  stream.on('trailers', (received) => Object.assign(answer, received));
  stream.on('error', () => undefined); // a reset is an answer, too
  stream.resume();
  const closed = once(stream, 'close');
  for (const piece of pieces) await new Promise((written) => stream.write(piece, written));
  stream.end();
  await closed;
  return {
    code: Number(answer['grpc-status']),
    message: decodeURI(String(answer['grpc-message'])),
    status: answer[':status'],
    rstCode: stream.rstCode,
  };
}

test('only the first call of a caller on a connection passes grpc-js', async () => {
  const session = await open();
  const seen = vi.spyOn(Metadata, 'fromHttp2Headers');
  onTestFinished(() => seen.mockRestore());
  for (let call = 0; call < 3; call += 1) expect((await ask(session)).code).toBe(Code.OK);
  expect(seen).toHaveBeenCalledTimes(1);
  expect((await ask(session, { headers: { authorization: `Bearer ${await issuer.token()}` } })).code).toBe(
    Code.OK,
  );
  expect(seen).toHaveBeenCalledTimes(2);
});

const large = frame(Buffer.alloc(2_000_000));
const calls: readonly [string, Sent][] = [
  ['a good request', {}],
  ['a request byte by byte', { pieces: Array.from(good, (byte) => Buffer.of(byte)) }],
  ['an empty message', { pieces: [frame(Buffer.alloc(0))] }],
  ['a message that is none', { pieces: [frame(Buffer.from('not a message at all'))] }],
  ['no message', { pieces: [] }],
  ['half of a prefix', { pieces: [good.subarray(0, 3)] }],
  ['half of a message', { pieces: [good.subarray(0, -1)] }],
  ['two messages', { pieces: [Buffer.concat([good, good])] }],
  ['two messages, one after the other', { pieces: [good, good] }],
  ['a message that is larger than the limit', { pieces: [large] }],
  ['a message that says it is 4 GB long', { pieces: [frame(Buffer.alloc(10), { length: 4_294_967_295 })] }],
  ['a flag that says compressed', { pieces: [Buffer.concat([Buffer.of(1), good.subarray(1)])] }],
  ['an encoding that there is not', { headers: { 'grpc-encoding': 'rot13' } }],
  ['a deadline', { headers: { 'grpc-timeout': '20S' } }],
  ['a deadline that is none', { headers: { 'grpc-timeout': 'soon' } }],
  ['another type of content', { headers: { 'content-type': 'text/plain' } }],
  ['another method', { headers: { ':path': '/curfew.decision.v1.DecisionService/Nothing' } }],
  ['another token', { headers: { authorization: 'Bearer none.of.ours' } }],
  ['no token', { headers: { authorization: '' } }],
];

test.each(calls)('%s is answered alike as the first call of a connection and later', async (_case, sent) => {
  const byGrpc = await ask(await open(), sent);
  await started?.server.close();
  const session = await open();
  await ask(session);
  const direct = await ask(session, sent);
  expect({ ...direct, message: '' }).toEqual({ ...byGrpc, message: '' });
  if (direct.code !== Code.UNIMPLEMENTED) expect(direct.message).toBe(byGrpc.message); // which are grpc-js's own
  expect((await ask(session)).code).toBe(Code.OK);
});

describe('a later call', () => {
  let metrics: Metrics;
  beforeEach(async () => {
    metrics = await openMetrics('test');
  });
  afterEach(() => metrics.close());

  const counted = async (): Promise<readonly string[]> =>
    (await metrics.page()).split('\n').filter((line) => line.startsWith('curfew_rpc_calls_total'));
  const count = (code: string, calls: number) =>
    `curfew_rpc_calls_total{rpc="${path.slice(1)}",code="${code}"} ${calls}`;

  /** A handler that answers the first call, and waits until whoever made the later ones does not. */
  function patientRoute() {
    const begun = Promise.withResolvers<AbortSignal>();
    let seen = 0;
    const route = decisionRoute({
      authorize: async (_request, { signal }) => {
        seen += 1;
        if (seen === 1) return {};
        begun.resolve(signal);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        throw new Error('nobody waits any more');
      },
    });
    return { begun: begun.promise, routes: [route] };
  }

  test('that the client gives up is counted as such, and its handler is told', async () => {
    const { begun, routes } = patientRoute();
    const session = await open({ meter: metrics.meter, routes });
    await ask(session);
    const stream = await request(session);
    stream.on('error', () => undefined);
    stream.end(good);
    const signal = await begun;
    stream.close(8);
    await expect.poll(() => signal.aborted, patient).toBe(true);
    await expect.poll(counted, patient).toContain(count('CANCELLED', 1));
  });

  test('whose deadline passes is answered so, counted, and its handler is told', async () => {
    const { begun, routes } = patientRoute();
    const session = await open({ meter: metrics.meter, routes });
    await ask(session);
    const late = ask(session, { headers: { 'grpc-timeout': '200m' } });
    expect((await late).code).toBe(Code.DEADLINE_EXCEEDED);
    await expect.poll(async () => (await begun).aborted, patient).toBe(true);
    expect(await counted()).toContain(count('DEADLINE_EXCEEDED', 1));
    expect(await counted()).toContain(count('OK', 1));
  });

  test('that never ends is refused in time, and reset', async () => {
    const session = await open({ limits: { requestTimeoutMs: 100 } });
    await ask(session);
    const stream = await request(session);
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders]; // as Node documents it
    expect(decodeURI(String(answer['grpc-message']))).toContain('did not end within 100 ms');
    stream.resume();
    await once(stream, 'close');
    expect(stream.rstCode).toBe(0);
  });

  test('keeps its connection from being idle for as long as it takes', async () => {
    const server = (): TestServer => {
      if (started === undefined) throw new Error('no server has been started');
      return started;
    };
    const answer = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    let seen = 0;
    const routes = [
      decisionRoute({
        authorize: async () => {
          seen += 1;
          if (seen < 2) return {};
          begun.resolve();
          await answer.promise;
          return {};
        },
      }),
    ];
    const session = await open({ limits: { maxConnectionIdleMs: 100 }, routes });
    await ask(session);
    const goneAway = vi.fn<() => void>();
    session.on('goaway', goneAway);
    const asked = ask(session);
    await begun.promise;
    // One that has nothing to do from now on is ended meanwhile.
    await once(connectTo(server()), 'close');
    answer.resolve();
    expect((await asked).code).toBe(Code.OK);
    expect(goneAway).not.toHaveBeenCalled();
    await once(session, 'close'); // with nothing to do it is
  });

  test('is refused when its caller is not in the directory any more', async () => {
    let isThere = true;
    const identify = createIdentify({
      issuers: [issuer.issuer],
      resolveCaller: ({ id }) => (isThere ? { type: 'User', id } : undefined),
    });
    const session = await open({ identify });
    expect((await ask(session)).code).toBe(Code.OK);
    expect((await ask(session)).code).toBe(Code.OK);
    isThere = false;
    expect((await ask(session)).code).toBe(Code.UNAUTHENTICATED);
  });
});
