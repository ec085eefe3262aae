import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { connect, type TestClient } from './test-client.ts';
import { frame } from './test-connection.ts';
import { callHeaders, dialHttp2, flag, frameType, http2Frame, pour } from './http2-frames.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { decisionRoute, startServer, type TestServer } from './test-server.ts';

const { authorize } = DecisionService.method;
const path = '/curfew.decision.v1.DecisionService/Authorize';
const patient = { timeout: 60_000 };

let issuer: TestIssuer;
let token: string;
let started: TestServer;
let running = 0;

beforeAll(async () => {
  issuer = await createTestIssuer();
  token = await issuer.token();
});

afterAll(() => issuer.remove());

beforeEach(async () => {
  running = 0;
  const slow = decisionRoute({
    authorize: async ({ useId }, { signal }) => {
      running += 1;
      if (useId === 'slow') await once(signal, 'abort');
      running -= 1;
      return { decisionId: useId };
    },
  });
  started = await startServer(issuer, { routes: [slow] });
});

afterEach(() => started.server.close());

/** Calls until it is told to stop, each with one retry; resolves to what failed all the same. */
function standBy(): {
  readonly stop: () => Promise<{ readonly calls: number; readonly failures: readonly string[] }>;
} {
  const client = connect(started.port);
  const failures: string[] = [];
  let calls = 0;
  const stopping = new AbortController();
  async function callOn(): Promise<void> {
    while (!stopping.signal.aborted || calls < 20) {
      await call(client)
        .catch(() => call(client))
        .catch((error: unknown) => failures.push(String(error)));
      calls += 1;
    }
  }
  const over = callOn();
  return {
    async stop() {
      stopping.abort();
      await over;
      client.close();
      return { calls, failures };
    },
  };
}

const call = async (client: TestClient): Promise<unknown> =>
  await client.unary(authorize, { useId: 'b' }, { token });

function* repeat(count: number, make: (stream: number) => readonly Buffer[]): Generator<Buffer> {
  for (let index = 0; index < count; index += 1) yield Buffer.concat(make(2 * index + 1));
}

const open = (stream: number, flags = flag.endHeaders) =>
  http2Frame({
    type: frameType.headers,
    flags,
    stream,
    payload: callHeaders(path, { authorization: `Bearer ${token}` }),
  });
const cancel = Buffer.from([0, 0, 0, 8]);
const zero = Buffer.alloc(4);

const floods: readonly [string, () => Iterable<Buffer>][] = [
  [
    'calls that are reset at once (CVE-2023-44487)',
    () =>
      repeat(5_000, (stream) => [
        open(stream),
        http2Frame({ type: frameType.reset, stream, payload: cancel }),
      ]),
  ],
  [
    'calls that make the server reset them (CVE-2025-8671)',
    () =>
      repeat(5_000, (stream) => [
        open(stream),
        http2Frame({ type: frameType.windowUpdate, stream, payload: zero }),
      ]),
  ],
  [
    'headers that never end (CVE-2024-27983)',
    function* () {
      yield open(1, flag.none);
      const payload = Buffer.concat([
        Buffer.of(0, 3),
        Buffer.from('x-a'),
        Buffer.of(100),
        Buffer.alloc(100, 'a'),
      ]);
      yield* repeat(5_000, () => [http2Frame({ type: frameType.continuation, stream: 1, payload })]);
    },
  ],
  ['settings (CVE-2019-9515)', () => repeat(20_000, () => [http2Frame({ type: frameType.settings })])],
  [
    'pings (CVE-2019-9512)',
    () => repeat(20_000, () => [http2Frame({ type: frameType.ping, payload: Buffer.alloc(8) })]),
  ],
  [
    'empty frames (CVE-2019-9518)',
    function* () {
      yield open(1);
      yield* repeat(20_000, () => [http2Frame({ type: frameType.data, stream: 1 })]);
    },
  ],
  [
    'priorities (CVE-2019-9513)',
    () =>
      repeat(20_000, (stream) => [
        http2Frame({ type: frameType.priority, stream, payload: Buffer.alloc(5) }),
      ]),
  ],
  ['bytes that are no frames', () => repeat(1_000, () => [Buffer.alloc(64, 0xff)])],
];

test('a good call that is made of such frames is answered', async () => {
  const socket = await dialHttp2(started.port);
  const answered = Promise.withResolvers<void>();
  let seen = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    if (seen.includes('hello')) answered.resolve();
  });
  const payload = frame(Buffer.concat([Buffer.of(0x4a, 5), Buffer.from('hello')]));
  socket.write(open(1));
  socket.write(http2Frame({ type: frameType.data, flags: flag.endStream, stream: 1, payload }));
  await answered.promise;
  expect(seen.includes('hello')).toBe(true);
  socket.destroy();
});

describe('D20 a connection that pours out', () => {
  test.each(floods)('%s harms nobody else', async (_case, frames) => {
    const bystander = standBy();
    const before = process.memoryUsage().rss;
    const socket = await dialHttp2(started.port);
    await pour(socket, frames());
    const { calls, failures } = await bystander.stop();
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThanOrEqual(20);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
    socket.destroy();
    await expect.poll(() => running, patient).toBe(0);
  });

  test.each([
    ['pings', () => repeat(200_000, () => [http2Frame({ type: frameType.ping, payload: Buffer.alloc(8) })])],
    ['settings', () => repeat(200_000, () => [http2Frame({ type: frameType.settings })])],
  ])('%s and reads no answer is cut off', async (_case, frames) => {
    const socket = await dialHttp2(started.port);
    socket.pause();
    const closed = once(socket, 'close');
    await Promise.race([pour(socket, frames()), closed]);
    socket.resume();
    await closed;
    expect((await standBy().stop()).failures).toEqual([]);
  });
});

test('D20 a storm of cancelled calls leaves none running and harms nobody else', async () => {
  const bystander = standBy();
  const body = frame(Buffer.concat([Buffer.of(0x4a, 4), Buffer.from('slow')]));
  for (let round = 0; round < 10; round += 1) {
    const session = connectHttp2(`http://127.0.0.1:${started.port}`);
    session.on('error', () => undefined); // it may be thrown out for this
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
    for (let index = 0; index < 200; index += 1) {
      const stream = session.request({ ...headers, authorization: `Bearer ${token}` });
      stream.on('error', () => undefined); // likewise
      stream.end(body);
      if (index % 50 === 0) await nextTurn();
      stream.close(8);
    }
    await new Promise<void>((resolve) => session.close(() => resolve()));
  }
  expect((await bystander.stop()).failures).toEqual([]);
  await expect.poll(() => running, patient).toBe(0);
});
