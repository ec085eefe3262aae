import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { ChannelCredentials, status as Code } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createIdentify } from '../../../core/rpc/identity.ts';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import {
  type CertificateFiles,
  createTestAuthority,
  readCertificate,
  type TestAuthority,
} from './test-certificates.ts';
import { connect, refusalOf, type TestClient } from './test-client.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { collectLogs, resolveAdaAndCi, startServer, type TestServer } from './test-server.ts';

const { authorize } = DecisionService.method;
const localhost = 'DNS:localhost,IP:127.0.0.1';
const patient = { timeout: 60_000 };
const logs = collectLogs();

let issuer: TestIssuer;
let authority: TestAuthority;
let other: TestAuthority;
let first: CertificateFiles;
let second: CertificateFiles;
let expired: CertificateFiles;
let ci: CertificateFiles;
let ciOfOther: CertificateFiles;
let rootCa: Buffer;
let folder: string;
let started: TestServer;
const opened: (() => void)[] = [];

beforeAll(async () => {
  issuer = await createTestIssuer();
  authority = await createTestAuthority();
  other = await createTestAuthority();
  first = await authority.issue('first', localhost);
  second = await authority.issue('second', localhost);
  expired = await authority.issue('expired', localhost, { days: -1 });
  ci = await authority.issue('ci', 'DNS:ci');
  ciOfOther = await other.issue('ci', 'DNS:ci');
  rootCa = await readFile(authority.caPath);
}, 30_000);

afterAll(() => Promise.all([issuer.remove(), authority.remove(), other.remove()]));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-tls-'));
  await put(first);
  await copyFile(authority.caPath, at('ca.pem'));
  const tls = { certPath: at('cert.pem'), keyPath: at('key.pem'), clientCaPath: at('ca.pem'), lookMs: 20 };
  const identify = createIdentify({ issuers: [issuer.issuer], resolveCaller: resolveAdaAndCi });
  const limits = { maxConnectionAgeGraceMs: 100 };
  started = await startServer(issuer, { identify, tls, limits, logger: logs.logger });
});

afterEach(async () => {
  for (const close of opened.splice(0)) close();
  await started.server.close();
  await rm(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);

async function put({ certPath, keyPath }: CertificateFiles): Promise<void> {
  await copyFile(certPath, at('cert.pem'));
  await copyFile(keyPath, at('key.pem'));
}

/** A connection below gRPC. */
async function dial(options: { readonly session?: Buffer } = {}): Promise<TLSSocket> {
  const socket = connectTls({
    port: started.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: rootCa,
    ALPNProtocols: ['h2'],
    ...options,
  });
  opened.push(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

async function serverName(): Promise<string | undefined> {
  const socket = await dial();
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

async function clientOf(files?: CertificateFiles): Promise<TestClient> {
  const { cert, key } = files === undefined ? {} : await readCertificate(files);
  const client = connect(started.port, ChannelCredentials.createSsl(rootCa, key, cert));
  opened.push(() => client.close());
  return client;
}

const complaints = () => logs.lines().filter((line) => (line as { level: string }).level === 'error'); // pino writes it

test('a new certificate and key are used by new connections, and open ones go on', async () => {
  const open = await clientOf();
  const token = await issuer.token();
  expect((await open.unary(authorize, {}, { token })).decisionId).toBe('User/ada');
  expect(await serverName()).toBe('first');
  await put(second);
  await expect.poll(serverName, patient).toBe('second');
  expect((await open.unary(authorize, {}, { token })).decisionId).toBe('User/ada');
  expect((await (await clientOf()).unary(authorize, {}, { token })).decisionId).toBe('User/ada');
});

const badFiles: readonly [string, () => Promise<unknown>, RegExp][] = [
  [
    'a certificate whose key is not there yet',
    () => copyFile(second.certPath, at('cert.pem')),
    /no certificate chain and its key/,
  ],
  [
    'a key whose certificate is not there yet',
    () => copyFile(second.keyPath, at('key.pem')),
    /no certificate chain and its key/,
  ],
  ['half a certificate', () => truncate('cert.pem'), /cert\.pem has no whole certificate/],
  ['half a key', () => truncate('key.pem'), /no certificate chain and its key/],
  ['an empty certificate', () => writeFile(at('cert.pem'), ''), /no whole certificate/],
  ['no certificate', () => rm(at('cert.pem')), /cannot read the certificate file/],
  ['a certificate that has expired', () => put(expired), /expired at .*put a current one there/],
  ['half a client authority', () => truncate('ca.pem'), /client CA file .* has no whole certificate/],
  ['no client authority', () => writeFile(at('ca.pem'), 'none'), /no whole certificate/],
  ['a second client authority that is cut off', () => appendHalf(), /client CA file .* cut off/],
];

async function truncate(name: string): Promise<void> {
  const whole = await readFile(at(name));
  await writeFile(at(name), whole.subarray(0, whole.byteLength / 2));
}

async function appendHalf(): Promise<void> {
  const whole = await readFile(other.caPath);
  await writeFile(at('ca.pem'), Buffer.concat([rootCa, whole.subarray(0, whole.byteLength / 2)]));
}

test.each(badFiles)(
  'with %s the last good ones stay in use, and the log says so once',
  async (_case, spoil, message) => {
    const before = complaints().length;
    await spoil();
    const said = () =>
      complaints()
        .slice(before)
        .filter((line) => message.test((line as { msg: string }).msg)); // likewise
    await expect.poll(said, patient).toHaveLength(1);
    expect(await serverName()).toBe('first');
    expect((await (await clientOf(ci)).unary(authorize, {})).decisionId).toBe('Service/ci');
    expect(said()).toHaveLength(1);
    await put(second);
    await copyFile(authority.caPath, at('ca.pem'));
    await expect.poll(serverName, patient).toBe('second');
  },
);

test('another client authority changes whose certificates count, on open connections too', async () => {
  const open = await clientOf(ci);
  expect((await open.unary(authorize, {})).decisionId).toBe('Service/ci');
  expect((await refusalOf((await clientOf(ciOfOther)).unary(authorize, {}))).reason).toBe(
    'CREDENTIALS_MISSING',
  );
  await copyFile(other.caPath, at('ca.pem'));
  const withOther = async () =>
    await (await clientOf(ciOfOther)).unary(authorize, {}).then(
      ({ decisionId }) => decisionId,
      () => 'refused',
    );
  await expect.poll(withOther, patient).toBe('Service/ci');
  const openOnes = async () =>
    await refusalOf(open.unary(authorize, {})).then(
      ({ code }) => code,
      () => Code.OK,
    );
  await expect.poll(openOnes, patient).toBe(Code.UNAUTHENTICATED);
});

test('no call fails but for its credentials while a client authority is withdrawn', async () => {
  const open = await clientOf(ci);
  await open.unary(authorize, {});
  await copyFile(other.caPath, at('ca.pem'));
  let failed = 0;
  await expect
    .poll(async () => {
      const { code } = await refusalOf(open.unary(authorize, {})).catch(() => ({ code: Code.OK }));
      if (code !== Code.OK && code !== Code.UNAUTHENTICATED) failed += 1;
      return code;
    }, patient)
    .toBe(Code.UNAUTHENTICATED);
  expect(failed).toBe(0);
});

test('a TLS session of before is not resumed under other authorities', async () => {
  const socket = await dial();
  const [session] = (await once(socket, 'session')) as [Buffer]; // as Node documents it
  expect((await dial({ session })).isSessionReused()).toBe(true);
  await copyFile(other.caPath, at('ca.pem'));
  const isReused = async () => (await dial({ session })).isSessionReused();
  await expect.poll(isReused, patient).toBe(false);
});
