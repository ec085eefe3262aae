import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIdentify, type Identify } from '../../../core/rpc/identity.ts';
import { createKey, createTestIssuer, type TestIssuer } from './test-issuer.ts';
import { accessErrorOf, bearer, credentials, tokenRefusal } from './test-refusal.ts';
import { collectLogs, listenLocally, resolveAdaAndCi } from './test-server.ts';

let issuer: TestIssuer;
let identify: Identify;

beforeAll(async () => {
  issuer = await createTestIssuer();
  identify = createIdentify({ issuers: [issuer.issuer], resolveCaller: resolveAdaAndCi });
});

afterAll(() => issuer.remove());

const seconds = (): number => Math.floor(Date.now() / 1_000);

describe('tokens', () => {
  test('a verified token is good until its end, to the second, though it is kept', async () => {
    let now = new Date();
    const exp = seconds() + 100;
    const by = createIdentify({ issuers: [issuer.issuer], resolveCaller: resolveAdaAndCi, now: () => now });
    const token = await issuer.token({ claims: { exp } });
    expect((await by(bearer(token))).uid.id).toBe('ada');
    now = new Date(exp * 1_000 - 1);
    expect((await by(bearer(token))).uid.id).toBe('ada');
    now = new Date(exp * 1_000);
    expect((await tokenRefusal(token, by)).reason).toBe('TOKEN_EXPIRED');
  });

  test('a kept token names nobody once the directory has forgotten its subject', async () => {
    let known = true;
    const resolveCaller = () => (known ? { type: 'User', id: 'ada' } : undefined);
    const by = createIdentify({ issuers: [issuer.issuer], resolveCaller });
    const token = await issuer.token();
    await by(bearer(token));
    known = false;
    expect((await tokenRefusal(token, by)).reason).toBe('CALLER_UNKNOWN');
  });

  describe('are known at once on the connection that brought them last', () => {
    const connection = {};
    const header = (token: string): readonly string[] => [`Bearer ${token}`];

    test('and nowhere else, nor any other that it brings', async () => {
      const token = await issuer.token();
      expect(identify.recall(connection, header(token))).toBeUndefined();
      const caller = await identify({ ...bearer(token), connection });
      expect(identify.recall(connection, header(token))).toEqual(caller);
      expect(identify.recall({}, header(token))).toBeUndefined();
      expect(identify.recall(connection, header(`${token}A`))).toBeUndefined();
      expect(identify.recall(connection, [...header(token), ...header(token)])).toBeUndefined();
      expect(identify.recall(connection, [])).toBeUndefined();
    });

    test('until their end, and while the directory knows their subject', async () => {
      let now = new Date();
      let known = true;
      const resolveCaller = () => (known ? { type: 'User', id: 'ada' } : undefined);
      const by = createIdentify({ issuers: [issuer.issuer], resolveCaller, now: () => now });
      const exp = seconds() + 100;
      const token = await issuer.token({ claims: { exp } });
      await by({ ...bearer(token), connection });
      known = false;
      expect(by.recall(connection, header(token))).toBeUndefined();
      known = true;
      now = new Date(exp * 1_000 - 1);
      expect(by.recall(connection, header(token))?.uid.id).toBe('ada');
      now = new Date(exp * 1_000);
      expect(by.recall(connection, header(token))).toBeUndefined();
    });
  });

  test('the configured claims give id and type', async () => {
    const configured = { ...issuer.issuer, claim: 'email', typeClaim: 'kind', entityType: 'User' };
    const seen: unknown[] = [];
    const by = createIdentify({
      issuers: [configured],
      resolveCaller: (name) => {
        seen.push(name);
        return { type: 'User', id: name.id };
      },
    });
    await by(bearer(await issuer.token({ claims: { email: 'ada@acme.test', kind: 'Robot' } })));
    await by(bearer(await issuer.token({ claims: { email: 'bob@acme.test' } })));
    expect(seen).toEqual([
      { id: 'ada@acme.test', type: 'Robot', by: 'token' },
      { id: 'bob@acme.test', type: 'User', by: 'token' },
    ]);
    expect((await tokenRefusal(await issuer.token(), by)).message).toContain('seen no email');
    const error = await tokenRefusal(await issuer.token({ claims: { email: 'a', kind: 7 } }), by);
    expect(error.message).toContain('"kind" that is no string');
  });

  test('a key added to the file is known at once, and one taken out is not', async () => {
    const rotating = await createTestIssuer();
    try {
      const by = createIdentify({ issuers: [rotating.issuer], resolveCaller: resolveAdaAndCi });
      const next = await createKey('ES256', 'next');
      expect((await tokenRefusal(await rotating.token({ key: next }), by)).reason).toBe('TOKEN_INVALID');
      await rotating.publish([next]);
      expect((await by(bearer(await rotating.token({ key: next })))).uid.id).toBe('ada');
      const old = await rotating.token({ claims: { jti: 'fresh' } });
      expect((await tokenRefusal(old, by)).reason).toBe('TOKEN_INVALID');
    } finally {
      await rotating.remove();
    }
  });

  test.each([
    ['is gone', (path: string) => rm(path)],
    ['is no JSON', (path: string) => writeFile(path, '{')],
    ['is no JWKS', (path: string) => writeFile(path, '{"keys":7}')],
  ])('a key file that %s is no fault of the token, and the log says so once', async (_case, damage) => {
    const broken = await createTestIssuer();
    const { logger, lines } = collectLogs();
    try {
      const by = createIdentify({ issuers: [broken.issuer], resolveCaller: resolveAdaAndCi, logger });
      await damage(broken.jwksPath);
      const error = await tokenRefusal(await broken.token(), by);
      expect(error.reason).toBe('NOT_READY');
      expect(error.message).toContain('https://issuer.test');
      await tokenRefusal(await broken.token(), by);
      expect(lines()).toEqual([
        expect.objectContaining({ level: 'warn', msg: `cannot read the keys at ${broken.jwksPath}` }),
      ]);
    } finally {
      await broken.remove();
    }
  });

  test('keys at a URL are fetched from there, and a redirect is not followed', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/redirect') {
        response.writeHead(302, { location: '/keys' }).end();
      } else {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ keys: [issuer.keys.ES256.publicJwk] }));
      }
    });
    const port = await listenLocally(server);
    const at = (path: string): Identify => {
      const keys = { kind: 'url', url: new URL(`http://127.0.0.1:${port}${path}`) } as const;
      return createIdentify({ issuers: [{ ...issuer.issuer, keys }], resolveCaller: resolveAdaAndCi });
    };
    try {
      expect((await at('/keys')(bearer(await issuer.token()))).uid.id).toBe('ada');
      expect((await tokenRefusal(await issuer.token(), at('/redirect'))).reason).toBe('NOT_READY');
      expect(asked).toEqual(['/keys', '/redirect']);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

describe('callers without a token', () => {
  test('nobody calls without credentials', async () => {
    const error = await accessErrorOf(identify(credentials([])));
    expect(error.reason).toBe('CREDENTIALS_MISSING');
    expect(error.message).toContain('authorization: Bearer <token>');
  });

  const names: readonly [string, string, string | undefined][] = [
    ['URI:spiffe://acme/service/ci', 'spiffe://acme/service/', 'ci'],
    ['DNS:other.acme, URI:spiffe://acme/service/ci', 'spiffe://acme/service/', 'ci'],
    ['DNS:ci', '', 'ci'],
    ['URI:spiffe://evil/service/ci', 'spiffe://acme/service/', undefined],
    ['URI:spiffe://acme/service/', 'spiffe://acme/service/', undefined],
    ['URI:spiffe://acme/service/ci, URI:spiffe://acme/service/db', 'spiffe://acme/service/', undefined],
    ['DNS:"evil, URI:spiffe://acme/service/ci"', 'spiffe://acme/service/', undefined],
    ['email:ci@acme.test, IP Address:127.0.0.1', '', undefined],
    ['', '', undefined],
  ];
  test.each(names)(
    'D24 the certificate names %j under the prefix %j give %j',
    async (text, certificatePrefix, id) => {
      const by = createIdentify({ issuers: [], resolveCaller: resolveAdaAndCi, certificatePrefix });
      const identified = by(credentials([], text));
      if (id === undefined) {
        expect((await accessErrorOf(identified)).reason).toBe('CALLER_UNKNOWN');
      } else {
        expect((await identified).uid).toEqual({ type: 'Service', id });
      }
    },
  );

  test('a token names the caller though there is a certificate, and a bad one is not made good by it', async () => {
    const good = credentials([`Bearer ${await issuer.token()}`], 'DNS:ci');
    expect((await identify(good)).uid).toEqual({ type: 'User', id: 'ada' });
    const bad = await accessErrorOf(identify(credentials(['Bearer a.b.c'], 'DNS:ci')));
    expect(bad.reason).toBe('TOKEN_INVALID');
  });
});
