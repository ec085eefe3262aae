import { readFile } from 'node:fs/promises';
import { ChannelCredentials, credentials, status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIdentify } from '../../../core/rpc/identity.ts';
import { readTlsFiles } from '../../../core/rpc/tls.ts';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import {
  type CertificateFiles,
  createTestAuthority,
  readCertificate,
  type TestAuthority,
} from './test-certificates.ts';
import { connect, refusalOf } from './test-client.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { resolveAdaAndCi, startServer, type TestServer } from './test-server.ts';

const { authorize } = DecisionService.method;
const certificatePrefix = 'spiffe://acme.test/service/';

let issuer: TestIssuer;
let authority: TestAuthority;
let stranger: TestAuthority;
let server: CertificateFiles;
let started: TestServer;
let rootCa: Buffer;

beforeAll(async () => {
  issuer = await createTestIssuer();
  authority = await createTestAuthority();
  stranger = await createTestAuthority();
  server = await authority.issue('server', 'DNS:localhost,IP:127.0.0.1');
  rootCa = await readFile(authority.caPath);
  const identify = createIdentify({
    issuers: [issuer.issuer],
    resolveCaller: resolveAdaAndCi,
    certificatePrefix,
  });
  started = await startServer(issuer, { identify, tls: { ...server, clientCaPath: authority.caPath } });
}, 30_000);

afterAll(async () => {
  await started.server.close();
  await Promise.all([issuer.remove(), authority.remove(), stranger.remove()]);
});

async function callWith(channel: ChannelCredentials, token?: string) {
  const client = connect(started.port, channel);
  try {
    return await client.unary(authorize, {}, token === undefined ? {} : { token });
  } finally {
    client.close();
  }
}

async function channelOf(files: CertificateFiles): Promise<ChannelCredentials> {
  const { cert, key } = await readCertificate(files);
  return ChannelCredentials.createSsl(rootCa, key, cert);
}

describe('mTLS', () => {
  test('a client certificate names a service', async () => {
    const channel = await channelOf(await authority.issue('ci', `URI:${certificatePrefix}ci`));
    expect((await callWith(channel)).decisionId).toBe('Service/ci');
  });

  test('a token beside a certificate names the caller', async () => {
    const channel = await channelOf(await authority.issue('ci2', `URI:${certificatePrefix}ci`));
    expect((await callWith(channel, await issuer.token())).decisionId).toBe('User/ada');
  });

  test('a token is enough, no certificate is demanded', async () => {
    const response = await callWith(ChannelCredentials.createSsl(rootCa), await issuer.token());
    expect(response.decisionId).toBe('User/ada');
  });

  test('neither token nor certificate is refused', async () => {
    const refusal = await refusalOf(callWith(ChannelCredentials.createSsl(rootCa)));
    expect(refusal).toMatchObject({ code: Code.UNAUTHENTICATED, reason: 'CREDENTIALS_MISSING' });
  });

  test('D24 a certificate of another authority counts as none', async () => {
    const channel = await channelOf(await stranger.issue('ci', `URI:${certificatePrefix}ci`));
    expect((await refusalOf(callWith(channel))).reason).toBe('CREDENTIALS_MISSING');
  });

  test.each([
    ['unknown', `URI:${certificatePrefix}mallory`],
    ['elsewhere', 'URI:spiffe://evil.test/service/ci'],
    ['person', `URI:${certificatePrefix}ada`],
    ['email', 'email:ci@acme.test'],
  ])('D24 a certificate of our authority for %s names nobody', async (name, alternativeNames) => {
    const channel = await channelOf(await authority.issue(name, alternativeNames));
    expect(await refusalOf(callWith(channel))).toMatchObject({
      code: Code.UNAUTHENTICATED,
      reason: 'CALLER_UNKNOWN',
    });
  });

  test('a client without TLS gets nowhere', async () => {
    const refusal = await refusalOf(callWith(credentials.createInsecure(), await issuer.token()));
    expect(refusal.code).toBe(Code.UNAVAILABLE);
  });

  test('with TLS the server may listen beyond loopback', async () => {
    expect(await started.server.listen('0.0.0.0:0')).toBeGreaterThan(0);
  });
});

describe('TLS files', () => {
  test('a file that is missing is named', () => {
    expect(() => readTlsFiles({ ...server, keyPath: '/nowhere/key.pem' }, new Date())).toThrow(
      'TLS: cannot read the key file /nowhere/key.pem',
    );
    expect(() => readTlsFiles({ ...server, certPath: '/nowhere/cert.pem' }, new Date())).toThrow(
      'the certificate file /nowhere/cert.pem',
    );
    expect(() => readTlsFiles({ ...server, clientCaPath: '/nowhere/ca.pem' }, new Date())).toThrow(
      'the client CA file /nowhere/ca.pem',
    );
  });

  test('a key of another certificate is refused', async () => {
    const other = await authority.issue('other', 'DNS:other');
    expect(() => readTlsFiles({ ...server, keyPath: other.keyPath }, new Date())).toThrow(
      /no certificate chain and its key in PEM form/,
    );
  });
});
