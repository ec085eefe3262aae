import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import type { EntityUid } from '../../core/access/entity.ts';
import type { Home } from './home.ts';

/** Signs tokens for development, with a key kept in the home folder. Never for production: whoever reads the folder is everybody. */
export interface DevelopmentIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** Where services find the public key. */
  readonly jwksPath: string;
  /** The claim that carries the entity's type. */
  readonly typeClaim: string;
  token(uid: EntityUid): Promise<string>;
}

const ALGORITHM = 'ES256';
const ISSUER = 'curfew-development';
const AUDIENCE = 'curfew';
const TYPE_CLAIM = 'entity_type';
const LIFETIME = '30d';

export async function openIssuer(home: Home): Promise<DevelopmentIssuer> {
  const privateJwk = JSON.parse(await home.readOrMake('issuer-key.json', makeKey)) as JWK; // makeKey wrote it
  const key = await importJWK(privateJwk, ALGORITHM);
  const kid = await calculateJwkThumbprint(privateJwk);
  const { d: _, ...publicJwk } = privateJwk;
  await home.writeSecret(
    'jwks.json',
    JSON.stringify({ keys: [{ ...publicJwk, kid, alg: ALGORITHM, use: 'sig' }] }),
  );
  return {
    issuer: ISSUER,
    audience: AUDIENCE,
    jwksPath: home.path('jwks.json'),
    typeClaim: TYPE_CLAIM,
    token: (uid) =>
      new SignJWT({ [TYPE_CLAIM]: uid.type })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'at+jwt', kid })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(uid.id)
        .setIssuedAt()
        .setExpirationTime(LIFETIME)
        .sign(key),
  };
}

async function makeKey(): Promise<string> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  return JSON.stringify(await exportJWK(privateKey));
}

/** One token per person and service, by id; by the whole uid where two share an id. */
export async function makeTokens(
  issuer: DevelopmentIssuer,
  uids: readonly EntityUid[],
): Promise<Record<string, string>> {
  const ids = uids.map((uid) => uid.id);
  const entries = uids.map(async (uid): Promise<[string, string]> => {
    const isUnique = ids.indexOf(uid.id) === ids.lastIndexOf(uid.id);
    return [isUnique ? uid.id : `${uid.type}::${JSON.stringify(uid.id)}`, await issuer.token(uid)];
  });
  return Object.fromEntries(await Promise.all(entries));
}
