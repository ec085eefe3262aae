import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Issuer } from '../../../core/runtime/issuer.ts';

export interface TestKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function createKey(alg: string, kid: string): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg };
  return { alg, kid, privateKey, publicKey, publicJwk };
}

interface TokenOptions {
  readonly key?: TestKey;
  readonly header?: Readonly<Record<string, unknown>>;
  /** Claims beside or instead of the good ones; one that is undefined is left out. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** An issuer with a JWKS file and a key of each algorithm; its tokens are good unless options say otherwise. */
export interface TestIssuer {
  readonly issuer: Issuer;
  readonly jwksPath: string;
  readonly keys: Readonly<Record<'ES256' | 'RS256' | 'EdDSA', TestKey>>;
  token(options?: TokenOptions): Promise<string>;
  publish(keys: readonly TestKey[]): Promise<void>;
  remove(): Promise<void>;
}

export async function createTestIssuer(settings: Partial<Issuer> = {}): Promise<TestIssuer> {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-issuer-'));
  const jwksPath = join(folder, 'jwks.json');
  const keys = {
    ES256: await createKey('ES256', 'es'),
    RS256: await createKey('RS256', 'rs'),
    EdDSA: await createKey('EdDSA', 'ed'),
  };
  const issuer: Issuer = {
    issuer: 'https://issuer.test',
    audience: 'curfew',
    claim: 'sub',
    keys: { kind: 'file', path: jwksPath },
    ...settings,
  };
  async function publish(published: readonly TestKey[]): Promise<void> {
    const text = JSON.stringify({ keys: published.map(({ publicJwk }) => publicJwk) });
    await writeFile(`${jwksPath}.new`, text);
    await rename(`${jwksPath}.new`, jwksPath);
  }
  await publish(Object.values(keys));
  return {
    issuer,
    jwksPath,
    keys,
    token: ({ key = keys.ES256, header = {}, claims = {} } = {}) => {
      const seconds = Math.floor(Date.now() / 1_000);
      const good = { iss: issuer.issuer, aud: issuer.audience, sub: 'ada', iat: seconds, exp: seconds + 600 };
      return new SignJWT({ ...good, ...claims })
        .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...header })
        .sign(key.privateKey);
    },
    publish,
    remove: () => rm(folder, { recursive: true }),
  };
}
