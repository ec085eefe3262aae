import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChannelCredentials, status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knownServices } from '../../../core/rpc/certificate-rules.ts';
import { createIdentify } from '../../../core/rpc/identity.ts';
import { parseCertificateRules } from '../../../core/runtime/certificate-rule.ts';
import { DecisionService } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { GrantService } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { createTestAuthority, readCertificate, type TestAuthority } from './test-certificates.ts';
import { connect, refusalOf, type TestClient } from './test-client.ts';
import { createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { accessErrorOf, credentials } from './test-refusal.ts';
import { decisionRoute, grantRoute, resolveAdaAndCi, startServer, type TestServer } from './test-server.ts';

const prefix = 'spiffe://acme.test/';
const { authorize, getStatus } = DecisionService.method;
const { getGrant } = GrantService.method;

let issuer: TestIssuer;
let ours: TestAuthority;
let stranger: TestAuthority;
let started: TestServer;
let rootCa: Buffer;

beforeAll(async () => {
  issuer = await createTestIssuer();
  ours = await createTestAuthority();
  stranger = await createTestAuthority();
  const server = await ours.issue('server', 'DNS:localhost,IP:127.0.0.1');
  rootCa = await readFile(ours.caPath);
  const identify = createIdentify({
    issuers: [issuer.issuer],
    certificatePrefix: prefix,
    resolveCaller: (name) =>
      name.by === 'certificate' && name.id !== 'nobody'
        ? { type: 'Service', id: name.id }
        : resolveAdaAndCi(name),
    certificateRules: parseCertificateRules(
      'web/*=DecisionService; batch=DecisionService/Authorize; ops=*; ci=DecisionService/GetStatus,GrantService; nobody=*',
    ),
  });
  const routes = [decisionRoute(), grantRoute({ getGrant: async () => ({ grant: { id: 'g' } }) })];
  started = await startServer(issuer, { identify, routes, tls: { ...server, clientCaPath: ours.caPath } });
}, 30_000);

afterAll(async () => {
  await started.server.close();
  await Promise.all([issuer.remove(), ours.remove(), stranger.remove()]);
});

interface Made {
  readonly by?: 'stranger';
  readonly names: string;
  readonly days?: number;
  readonly extensions?: readonly string[];
}

let made = 0;

async function connectWith({ by, names, ...terms }: Made) {
  const authority = by === 'stranger' ? stranger : ours;
  made += 1;
  const { cert, key } = await readCertificate(await authority.issue(`client${made}`, names, terms));
  return connect(started.port, ChannelCredentials.createSsl(rootCa, key, cert));
}

const id = '0198c0de-0000-7000-8000-000000000001';
const uri = (name: string): string => `URI:${prefix}${name}`;
const notVerified = (why: string) => ({
  code: Code.UNAUTHENTICATED,
  reason: 'CREDENTIALS_MISSING',
  message: expect.stringContaining(`a client certificate that does not verify (${why}), wanted`),
});
const unknown = (part: string) => ({
  code: Code.UNAUTHENTICATED,
  reason: 'CALLER_UNKNOWN',
  message: expect.stringContaining(part),
});

const refused: readonly [string, Made, object][] = [
  [
    'has two URIs',
    { names: `${uri('ops')},${uri('ci')}` },
    unknown('wanted exactly one URI name beginning with'),
  ],
  [
    'has no alternative name, only a common name',
    { names: '' },
    unknown('seen no alternative name (a common name'),
  ],
  [
    'has only an e-mail address',
    { names: 'email:ci@acme.test' },
    unknown('wanted a URI or DNS name beginning'),
  ],
  [
    'has two DNS names under no prefix',
    { names: 'DNS:ops,DNS:ci' },
    unknown('wanted a URI or DNS name beginning'),
  ],
  [
    'is of another trust domain',
    { names: 'URI:spiffe://evil.test/ops' },
    unknown('seen the alternative names'),
  ],
  ['names nobody of the directory', { names: uri('nobody') }, unknown('the directory has none')],
  ['has expired', { names: uri('ops'), days: -1 }, notVerified('CERT_HAS_EXPIRED')],
  [
    'is of another authority',
    { by: 'stranger', names: uri('ops') },
    notVerified('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
  ],
  [
    'is for servers only',
    { names: uri('ops'), extensions: ['extendedKeyUsage=serverAuth'] },
    notVerified('INVALID_PURPOSE'),
  ],
];

describe('D24 a client certificate', () => {
  test.each(refused)('that %s is refused in one clear sentence', async (_case, certificate, wanted) => {
    const client = await connectWith(certificate);
    expect(await refusalOf(client.unary(authorize, {}))).toMatchObject(wanted);
    client.close();
  });

  test('that does not verify does not spoil a token beside it', async () => {
    const client = await connectWith({ names: uri('ops'), days: -1 });
    const { decisionId } = await client.unary(authorize, {}, { token: await issuer.token() });
    expect(decisionId).toBe('User/ada');
    client.close();
  });

  test('that expires while its connection is open is refused from then on', async () => {
    const now = new Date(8.64e15);
    const identify = createIdentify({ issuers: [], resolveCaller: resolveAdaAndCi, now: () => now });
    const error = await accessErrorOf(identify(credentials([], 'DNS:ci')));
    expect(error).toMatchObject({ reason: 'CREDENTIALS_MISSING' });
    expect(error.message).toMatch(/the client certificate expired at .*connect with a new one/);
  });
});

describe('D24 by the rules', () => {
  const certificates = ['web/shop', 'batch', 'ci', 'ops', 'website', 'batches', 'other'];
  const calls: Readonly<Record<string, (client: TestClient) => Promise<unknown>>> = {
    'curfew.decision.v1.DecisionService/Authorize': (client) => client.unary(authorize, {}),
    'curfew.decision.v1.DecisionService/GetStatus': (client) => client.unary(getStatus, {}),
    'curfew.grant.v1.GrantService/GetGrant': (client) => client.unary(getGrant, { id }),
  };
  const allowed: Readonly<Record<string, RegExp>> = {
    'web/shop': /DecisionService/,
    batch: /Authorize/,
    ci: /GetStatus|GrantService/,
    ops: /./,
  };

  test.each(certificates)('the certificate of %s may call what they list and nothing else', async (name) => {
    const client = await connectWith({ names: uri(name) });
    for (const [path, call] of Object.entries(calls)) {
      if (allowed[name]?.test(path) === true) {
        await call(client);
      } else {
        expect(await refusalOf(call(client))).toMatchObject({
          code: Code.PERMISSION_DENIED,
          reason: 'NOT_PERMITTED',
          message: `the certificate of "${name}" may not call ${path}; CURFEW_TLS_ALLOW says what it may`,
        });
      }
    }
    client.close();
  });

  test('tokens are not asked about', async () => {
    const client = await connectWith({ names: uri('other') });
    const { decisionId } = await client.unary(authorize, {}, { token: await issuer.token() });
    expect(decisionId).toBe('User/ada');
    client.close();
  });

  test.each(['Decision', 'DecisionService/Ask', 'decisionservice', '**'])('%s is no call', (call) => {
    const certificateRules = [{ name: 'ci', calls: [call] }];
    expect(() => createIdentify({ issuers: [], resolveCaller: resolveAdaAndCi, certificateRules })).toThrow(
      `CURFEW_TLS_ALLOW: seen "${call}", wanted *, one of DecisionService, GrantService`,
    );
  });

  test('every service of the API can be named', async () => {
    const folder = fileURLToPath(new URL('../../../proto/gen/curfew', import.meta.url));
    const files = await readdir(folder, { recursive: true });
    const texts = await Promise.all(
      files
        .filter((file) => file.endsWith('_service_pb.ts'))
        .map((file) => readFile(join(folder, file), 'utf8')),
    );
    const services = texts.flatMap((text) =>
      [...text.matchAll(/export const (\w+): GenService</g)].map(([, name]) => name),
    );
    expect(knownServices.map(({ name }) => name).toSorted((a, b) => a.localeCompare(b))).toEqual(
      services.toSorted((a, b) => String(a).localeCompare(String(b))),
    );
  });
});
