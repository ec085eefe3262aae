import { channel as diagnostics } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { callHeaders, flag, frameType, http2Frame, preface } from './http2-frames.ts';
import { type CertificateFiles, createTestAuthority, type TestAuthority } from './test-certificates.ts';
import { connect } from './test-client.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { startServer, type TestServer } from './test-server.ts';

const { authorize } = DecisionService.method;
const path = '/curfew.decision.v1.DecisionService/Authorize';
const patient = { timeout: 60_000 };
const quick = { handshakeTimeoutMs: 500, requestTimeoutMs: 300, maxConnectionIdleMs: 400, lingerMs: 100 };
const silent = 50;

let issuer: TestIssuer;
let authority: TestAuthority;
let certificate: CertificateFiles;
let ca: Buffer;
let started: TestServer | undefined;

beforeAll(async () => {
  issuer = await createTestIssuer();
  authority = await createTestAuthority();
  certificate = await authority.issue('server', 'DNS:localhost,IP:127.0.0.1');
  ca = await readFile(authority.caPath);
});

afterAll(() => Promise.all([issuer.remove(), authority.remove()]));

afterEach(async () => {
  await started?.server.close();
  started = undefined;
});

const fds = async (): Promise<number> => (await readdir('/proc/self/fd')).length;
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

/** What is still reachable. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  const collectGarbage: unknown = runInNewContext('gc');
  if (typeof collectGarbage !== 'function') throw new Error('wanted gc');
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A peer that keeps its half of the connection open for as long as it likes. */
async function dial(port: number): Promise<Socket> {
  const socket = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined); // being cut off is what the tests are about
  await once(socket, 'connect');
  return socket.resume();
}

async function dialTls(port: number): Promise<Socket> {
  const socket = connectTls({ socket: await dial(port), servername: 'localhost', ca, ALPNProtocols: ['h2'] });
  socket.on('error', () => undefined); // likewise
  // On a busy machine the server may give up first.
  await Promise.race([once(socket, 'secureConnect'), once(socket, 'close')]).catch(() => undefined);
  return socket.resume();
}

async function say(socket: Promise<Socket>, ...bytes: readonly Buffer[]): Promise<Socket> {
  const connected = await socket;
  connected.write(Buffer.concat(bytes));
  return connected;
}

/** The headers of a call that has no end. */
const unended = (path: string, headers?: Readonly<Record<string, string>>): Buffer => {
  const payload = callHeaders(path, headers);
  return http2Frame({ type: frameType.headers, flags: flag.endHeaders, stream: 1, payload });
};

const clientHello = Buffer.from('160301020001', 'hex');

const peers: readonly [string, 'plaintext' | 'TLS', (port: number) => Promise<Socket>][] = [
  ['say nothing', 'plaintext', dial],
  ['say half of the preface', 'plaintext', (port) => say(dial(port), preface.subarray(0, 12))],
  ['say the preface without settings', 'plaintext', (port) => say(dial(port), preface.subarray(0, 24))],
  ['make no call', 'plaintext', (port) => say(dial(port), preface)],
  [
    'make a call without credentials and never end it',
    'plaintext',
    (port) => say(dial(port), preface, unended(path)),
  ],
  [
    'make a call of health and never end it',
    'plaintext',
    (port) => say(dial(port), preface, unended('/grpc.health.v1.Health/Check')),
  ],
  [
    'make a call with credentials and never end it',
    'plaintext',
    async (port) =>
      await say(dial(port), preface, unended(path, { authorization: `Bearer ${await issuer.token()}` })),
  ],
  ['say nothing', 'TLS', dial],
  ['say half of a hello', 'TLS', (port) => say(dial(port), clientHello)],
  ['say nothing after the handshake', 'TLS', dialTls],
  ['say half of the preface', 'TLS', (port) => say(dialTls(port), preface.subarray(0, 12))],
  ['make no call', 'TLS', (port) => say(dialTls(port), preface)],
];

/** The server's ends of the connections that come in from now on. */
function watchAccepted(): { readonly sockets: readonly Socket[]; readonly open: () => number } {
  const sockets: Socket[] = [];
  const note = (message: unknown): void => {
    sockets.push((message as { readonly socket: Socket }).socket); // as Node documents it
  };
  diagnostics('net.server.socket').subscribe(note);
  onTestFinished(() => {
    diagnostics('net.server.socket').unsubscribe(note);
  });
  return { sockets, open: () => sockets.filter(({ destroyed }) => !destroyed).length };
}

describe('D21 connections', () => {
  test.each(peers)(
    'that %s over %s are closed, whatever their peers do, and give their files back',
    async (_case, kind, make) => {
      started = await startServer(issuer, { limits: quick, ...(kind === 'TLS' ? { tls: certificate } : {}) });
      const { port } = started;
      const before = await fds();
      const accepted = watchAccepted();
      const sockets = await Promise.all(Array.from({ length: silent }, () => make(port)));
      await expect.poll(() => accepted.sockets.length, patient).toBe(silent);
      await expect.poll(accepted.open, patient).toBe(0);
      // What is left are this test's own ends; a few files come and go.
      await expect.poll(fds, patient).toBeLessThan(before + silent + silent / 2);
      for (const socket of sockets) socket.destroy();
    },
  );

  test('do not keep a refused call that never ends, and say why it is refused', async () => {
    started = await startServer(issuer, { limits: { requestTimeoutMs: 100 } });
    const session = connectHttp2(`http://127.0.0.1:${started.port}`);
    const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc' };
    const stream = session.request({ ...headers, authorization: `Bearer ${await issuer.token()}` });
    const [answer] = (await once(stream, 'response')) as [Readonly<Record<string, string>>]; // as Node documents it
    expect(decodeURI(answer['grpc-message'] ?? '')).toContain('did not end within 100 ms');
    stream.resume();
    await once(stream, 'close');
    expect(stream.rstCode).toBe(0);
    session.close();
  });

  test('that call now and then stay', async () => {
    started = await startServer(issuer, { limits: { ...quick, maxConnectionIdleMs: 20_000 } });
    const accepted = watchAccepted();
    const client = connect(started.port);
    const token = await issuer.token();
    const until = performance.now() + 2 * quick.handshakeTimeoutMs;
    while (performance.now() < until) await client.unary(authorize, {}, { token });
    expect(accepted.sockets).toHaveLength(1);
    expect(accepted.open()).toBe(1);
    client.close();
  });

  test('beyond the most at once are dropped, and those that are open go on', async () => {
    started = await startServer(issuer, { limits: { maxConnections: 5 } });
    const { port } = started;
    const client = connect(port);
    const token = await issuer.token();
    await client.unary(authorize, {}, { token });
    const sockets = await Promise.all(Array.from({ length: 20 }, () => dial(port)));
    await expect
      .poll(() => sockets.filter(({ readableEnded, closed }) => readableEnded || closed).length, patient)
      .toBe(16);
    await client.unary(authorize, {}, { token });
    for (const socket of sockets) socket.destroy();
    client.close();
  });
});

describe('D22 connection churn', () => {
  const batch = 50;

  async function churn(port: number, connections: number): Promise<void> {
    for (let done = 0; done < connections; done += batch) {
      await Promise.all(Array.from({ length: batch }, () => callOnce(port)));
    }
  }

  async function callOnce(port: number): Promise<void> {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.resume();
    stream.end();
    await once(stream, 'close');
    session.close();
    await once(session, 'close');
  }

  test('leaves no file, timer or memory behind', async () => {
    started = await startServer(issuer);
    const { port } = started;
    await churn(port, 200);
    const before = { fds: await fds(), timers: timers(), memory: usedBytes() };
    await churn(port, 1_000);
    expect(usedBytes() - before.memory).toBeLessThan(4_000_000);
    await expect.poll(fds, patient).toBeLessThan(before.fds + batch);
    await expect.poll(timers, patient).toBeLessThan(before.timers + batch);
  });

  test('by the age of connections fails no call', async () => {
    started = await startServer(issuer, { limits: { maxConnectionAgeMs: 100 } });
    const accepted = watchAccepted();
    const client = connect(started.port);
    const token = await issuer.token();
    const failures: unknown[] = [];
    async function callOn(): Promise<void> {
      while (accepted.sockets.length < 20) {
        await client.unary(authorize, {}, { token }).catch((error: unknown) => failures.push(error));
      }
    }
    await Promise.all(Array.from({ length: 4 }, callOn));
    expect(failures).toEqual([]);
    client.close();
  });
});
