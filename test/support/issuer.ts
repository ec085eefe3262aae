import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import type { Issuer } from '../../core/runtime/issuer.ts';

/** How long its tokens are good for: longer than any clock of a test is wrong. */
export const TOKEN_MS = 3 * 3_600_000;

/** Signs tokens that the services under test believe. */
export interface TestIssuer extends AsyncDisposable {
  readonly issuer: Issuer;
  /** For an entity; `claims` besides those that every token has. */
  token(type: string, id: string, claims?: JWTPayload): Promise<string>;
}

export async function createIssuer(): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const directory = await mkdtemp(join(tmpdir(), 'curfew-issuer-'));
  const path = join(directory, 'jwks.json');
  await writeFile(
    path,
    JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'test', alg: 'ES256' }] }),
  );
  return {
    issuer: {
      issuer: 'test',
      audience: 'curfew',
      keys: { kind: 'file', path },
      claim: 'sub',
      typeClaim: 'entity_type',
    },
    token: (type, id, claims = {}) =>
      new SignJWT({ ...claims, entity_type: type })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'test' })
        .setIssuer('test')
        .setAudience('curfew')
        .setSubject(id)
        .setIssuedAt()
        .setExpirationTime(claims.exp ?? new Date(Date.now() + TOKEN_MS))
        .sign(privateKey),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}
