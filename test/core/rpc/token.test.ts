import { createHmac, createPublicKey, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import { exportSPKI } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccessError } from '../../../core/access/access-error.ts';
import { createIdentify, type Identify } from '../../../core/rpc/identity.ts';
import { createKey, createTestIssuer, type TestIssuer, type TestKey } from './test-issuer.ts';
import { accessErrorOf, credentials, bearer, tokenRefusal } from './test-refusal.ts';
import { listenLocally, resolveAdaAndCi } from './test-server.ts';

let issuer: TestIssuer;
let stranger: TestKey;
let extraKeys: Readonly<Record<string, TestKey>>;
let identify: Identify;

const unlisted = ['ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS384', 'RS512'];

beforeAll(async () => {
  issuer = await createTestIssuer();
  stranger = await createKey('ES256', 'es');
  extraKeys = Object.fromEntries(
    await Promise.all(unlisted.map(async (alg) => [alg, await createKey(alg, alg)] as const)),
  );
  await issuer.publish([...Object.values(issuer.keys), ...Object.values(extraKeys)]);
  identify = createIdentify({ issuers: [issuer.issuer], resolveCaller: resolveAdaAndCi });
});

afterAll(() => issuer.remove());

const refusal = (token: string, by: Identify = identify): Promise<AccessError> => tokenRefusal(token, by);

const seconds = () => Math.floor(Date.now() / 1_000);

function base64url(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

async function withHeader(change: Readonly<Record<string, unknown>>): Promise<string> {
  const [header = '', payload = '', signature = ''] = (await issuer.token()).split('.');
  const old: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
  return `${base64url({ ...Object(old), ...change })}.${payload}.${signature}`;
}

async function hmacWith(secret: string | Buffer): Promise<string> {
  const [, payload = ''] = (await issuer.token()).split('.');
  const signed = `${base64url({ alg: 'HS256', typ: 'at+jwt', kid: 'rs' })}.${payload}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

describe('N1 the algorithm is fixed', () => {
  test.each(['ES256', 'RS256', 'EdDSA'] as const)('N1 a token signed with %s is accepted', async (alg) => {
    const caller = await identify(bearer(await issuer.token({ key: issuer.keys[alg] })));
    expect(caller.uid).toEqual({ type: 'User', id: 'ada' });
  });

  test.each(['none', 'None', 'NONE', 'nOnE'])(
    'N1 a token of alg "%s" without signature is refused',
    async (alg) => {
      const [, payload = ''] = (await issuer.token()).split('.');
      const error = await refusal(`${base64url({ alg, typ: 'at+jwt' })}.${payload}.`);
      expect(error.reason).toBe('TOKEN_INVALID');
      expect(error.message).toContain('wanted one of ES256, RS256, EdDSA');
    },
  );

  test('N1 a token of alg "none" that keeps a good signature is refused', async () => {
    expect((await refusal(await withHeader({ alg: 'none' }))).reason).toBe('TOKEN_INVALID');
  });

  test.each(unlisted)('N1 a token of %s is refused though the issuer has that key', async (alg) => {
    const key = extraKeys[alg];
    const error = await refusal(await issuer.token(key === undefined ? {} : { key }));
    expect(error.reason).toBe('TOKEN_INVALID');
    expect(error.message).toContain('seen another algorithm');
  });

  const publicForms: readonly [string, (key: KeyObject) => string | Buffer][] = [
    ['PEM', (key) => key.export({ type: 'spki', format: 'pem' })],
    ['PEM without its last line end', (key) => key.export({ type: 'spki', format: 'pem' }).toString().trim()],
    ['DER', (key) => key.export({ type: 'spki', format: 'der' })],
    ['PKCS#1 PEM', (key) => key.export({ type: 'pkcs1', format: 'pem' })],
    ['JWK', (key) => JSON.stringify(key.export({ format: 'jwk' }))],
    ['empty text', () => ''],
  ];
  test.each(publicForms)(
    'N1 a token of HS256 keyed with the public key as %s is refused',
    async (_form, secret) => {
      const key = createPublicKey(await exportSPKI(issuer.keys.RS256.publicKey));
      const error = await refusal(await hmacWith(secret(key)));
      expect(error.reason).toBe('TOKEN_INVALID');
    },
  );

  const crossed: readonly [string, Readonly<Record<string, unknown>>][] = [
    ['RS256 named over an ES256 signature', { alg: 'RS256' }],
    ['RS256 with its key named over an ES256 signature', { alg: 'RS256', kid: 'rs' }],
    ['EdDSA named over an ES256 signature', { alg: 'EdDSA', kid: 'ed' }],
    ['ES256 with the RSA key named', { kid: 'rs' }],
    ['no algorithm', { alg: undefined }],
    ['an empty algorithm', { alg: '' }],
    ['an algorithm that is a list', { alg: ['ES256'] }],
    ['a critical header nobody knows', { crit: ['exp2'], exp2: 1 }],
    ['an unencoded payload (b64)', { crit: ['b64'], b64: false }],
  ];
  test.each(crossed)('N1 %s is refused', async (_case, header) => {
    expect((await refusal(await withHeader(header))).reason).toBe('TOKEN_INVALID');
  });

  test.each([
    ['all zero', Buffer.alloc(64)],
    ['empty', Buffer.alloc(0)],
    ['of another length', Buffer.alloc(63, 1)],
    [
      'of r = s = the curve order',
      Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'.repeat(2), 'hex'),
    ],
  ])('N1 an ES256 signature that is %s is refused', async (_case, signature) => {
    const [header = '', payload = ''] = (await issuer.token()).split('.');
    expect((await refusal(`${header}.${payload}.${signature.toString('base64url')}`)).reason).toBe(
      'TOKEN_INVALID',
    );
  });
});

describe('N2 only an access token for Curfew of a configured issuer names a caller', () => {
  const wrong: readonly [string, Readonly<Record<string, unknown>>, string, RegExp][] = [
    ['another audience', { aud: 'payroll' }, 'TOKEN_INVALID', /wanted the audience "curfew"/],
    ['a list of other audiences', { aud: ['payroll', 'curfew2'] }, 'TOKEN_INVALID', /wanted the audience/],
    ['no audience', { aud: undefined }, 'TOKEN_INVALID', /seen no aud/],
    ['an audience in other letters', { aud: 'Curfew' }, 'TOKEN_INVALID', /wanted the audience/],
    ['an audience that is a number', { aud: 1 }, 'TOKEN_INVALID', /aud/],
    ['another issuer', { iss: 'https://evil.test' }, 'TOKEN_INVALID', /seen issuer "https:\/\/evil\.test"/],
    [
      'the issuer with a slash more',
      { iss: 'https://issuer.test/' },
      'TOKEN_INVALID',
      /wanted one that is configured/,
    ],
    ['an issuer that is not told which there are', { iss: 'x' }, 'TOKEN_INVALID', /^(?!.*issuer\.test)/],
    ['no issuer', { iss: undefined }, 'TOKEN_INVALID', /seen issuer none/],
    ['a list of issuers', { iss: ['https://issuer.test'] }, 'TOKEN_INVALID', /seen issuer none/],
    [
      'an expiry in the past',
      { exp: 1_700_000_000 },
      'TOKEN_EXPIRED',
      /expired at 2023-11-14T22:13:20\.000Z/,
    ],
    ['an expiry of now', { exp: seconds() }, 'TOKEN_EXPIRED', /get a new one/],
    ['no expiry', { exp: undefined }, 'TOKEN_INVALID', /seen no exp/],
    ['an expiry that is text', { exp: '2099-01-01' }, 'TOKEN_INVALID', /exp/],
    ['a start in the future', { nbf: seconds() + 60 }, 'TOKEN_INVALID', /valid already/],
    ['a start that is text', { nbf: 'now' }, 'TOKEN_INVALID', /nbf/],
    ['no subject', { sub: undefined }, 'TOKEN_INVALID', /seen no sub/],
    ['an empty subject', { sub: '' }, 'TOKEN_INVALID', /1 to 256 bytes/],
    ['a subject that is a number', { sub: 7 }, 'TOKEN_INVALID', /that is no string/],
    ['a subject that is a list', { sub: ['ada'] }, 'TOKEN_INVALID', /that is no string/],
    ['a subject of 300 letters', { sub: 'a'.repeat(300) }, 'TOKEN_INVALID', /1 to 256 bytes/],
    ['a subject with a line end', { sub: 'ada\n' }, 'TOKEN_INVALID', /no control/],
    ['a subject that turns the text around', { sub: 'ad\u202ea' }, 'TOKEN_INVALID', /direction-changing/],
    ['a subject outside the directory', { sub: 'mallory' }, 'CALLER_UNKNOWN', /the directory has none/],
    ['a subject in other letters', { sub: 'Ada' }, 'CALLER_UNKNOWN', /"Ada"/],
  ];
  test.each(wrong)('N2 a token with %s is refused', async (_case, claims, reason, message) => {
    const error = await refusal(await issuer.token({ claims }));
    expect(error.reason).toBe(reason);
    expect(error.message).toMatch(message);
  });

  const types: readonly [string, Readonly<Record<string, unknown>>][] = [
    ['an ID token (typ JWT)', { typ: 'JWT' }],
    ['a token without typ', { typ: undefined }],
    ['a logout token', { typ: 'logout+jwt' }],
    ['a DPoP proof', { typ: 'dpop+jwt' }],
    ['a token whose typ is a list', { typ: ['at+jwt'] }],
  ];
  test.each(types)('N2 %s is refused', async (_case, header) => {
    const error = await refusal(await issuer.token({ header }));
    expect(error.reason).toBe('TOKEN_INVALID');
    expect(error.message).toContain('"at+jwt"');
  });

  test('N2 a token of a stranger under a known kid is refused', async () => {
    const error = await refusal(await issuer.token({ key: stranger }));
    expect(error.reason).toBe('TOKEN_INVALID');
    expect(error.message).toContain('signature');
  });

  test("N2 a token of one configured issuer signed with another's key is refused", async () => {
    const other = await createTestIssuer({ issuer: 'https://other.test' });
    try {
      const both = createIdentify({ issuers: [issuer.issuer, other.issuer], resolveCaller: resolveAdaAndCi });
      const error = await refusal(await other.token({ claims: { iss: issuer.issuer.issuer } }), both);
      expect(error.reason).toBe('TOKEN_INVALID');
      expect((await both(bearer(await other.token()))).uid.id).toBe('ada');
    } finally {
      await other.remove();
    }
  });

  const broken: readonly [string, (token: string) => string][] = [
    ['garbage', () => 'garbage'],
    ['three dots', () => '...'],
    ['cut short', (token) => token.slice(0, -10)],
    ['cut after the payload', (token) => token.split('.').slice(0, 2).join('.')],
    ['without its signature', (token) => `${token.split('.').slice(0, 2).join('.')}.`],
    ['with a part more', (token) => `${token}.AAAA`],
    ['of five parts (encrypted)', () => 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA'],
    [
      'with a changed payload',
      (token) => token.replace(/\.(.)/, (_, first: string) => `.${first === 'e' ? 'f' : 'e'}`),
    ],
    [
      'with a payload of another',
      (token) =>
        token
          .split('.')
          .with(1, base64url({ iss: 'https://issuer.test', sub: 'ada', exp: 9e9 }))
          .join('.'),
    ],
    ['with a header that is no JSON', (token) => token.split('.').with(0, base64url('{')).join('.')],
    ['with a payload that is a list', (token) => token.split('.').with(1, base64url([])).join('.')],
  ];
  test.each(broken)('N2 a token %s is refused', async (_case, damage) => {
    const token = await issuer.token();
    const error = await refusal(damage(token));
    expect(error.reason).toBe('TOKEN_INVALID');
    expect(error.message).not.toContain(token.slice(0, 40));
  });

  const headers: readonly [string, readonly string[], RegExp][] = [
    ['another scheme', ['Basic YWRhOmFkYQ=='], /wanted "Bearer <token>"/],
    ['no scheme', ['eyJhbGciOiJFUzI1NiJ9.e30.AAAA'], /wanted "Bearer <token>"/],
    ['an empty token', ['Bearer '], /wanted "Bearer <token>"/],
    ['two tokens in one header', ['Bearer a.b.c, Bearer d.e.f'], /wanted "Bearer <token>"/],
    ['two headers', ['Bearer a.b.c', 'Bearer d.e.f'], /seen 2 authorization headers, wanted one/],
    ['a header of 9,000 characters', [`Bearer ${'a'.repeat(9_000)}`], /wanted at most 8192/],
  ];
  test.each(headers)('N2 %s is refused', async (_case, authorization, message) => {
    const error = await accessErrorOf(identify(credentials(authorization)));
    expect(error.reason).toBe('TOKEN_INVALID');
    expect(error.message).toMatch(message);
  });
});

describe('N3 nothing in a token says where its key is', () => {
  test('N3 keys that a token brings or points at are not used, and nothing is fetched', async () => {
    const fetched: string[] = [];
    const server = createServer((request, response) => {
      fetched.push(request.url ?? '');
      response.end(JSON.stringify({ keys: [stranger.publicJwk] }));
    });
    const port = await listenLocally(server);
    const url = `http://127.0.0.1:${port}/keys`;
    try {
      for (const header of [
        { jku: url },
        { x5u: url },
        { jwk: stranger.publicJwk },
        { jku: url, kid: 'new' },
      ]) {
        const error = await refusal(await issuer.token({ key: stranger, header }));
        expect(error.reason).toBe('TOKEN_INVALID');
      }
      expect(fetched).toEqual([]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test.each(['../../../etc/passwd', "' OR 1=1 --", 'unknown', '', '\u0000'])(
    'N3 the kid %j finds no key',
    async (kid) => {
      const error = await refusal(await issuer.token({ header: { kid } }));
      expect(error.reason).toBe('TOKEN_INVALID');
      expect(error.message).toMatch(/does not have|not of a key/);
    },
  );
});
