import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { AccessError } from '../access/access-error.ts';
import type { SignIn } from '../access/sign-in.ts';
import type { Issuer } from '../runtime/issuer.ts';
import { showSeen } from '../runtime/seen.ts';
import { type FindKey, issuerKeys, KeysUnavailableError, type OnTrouble } from './issuer-keys.ts';
import { readSignIn } from './sign-in-claims.ts';
import { checkId } from './uid.ts';

/** Fixed, whatever a token or a key says: jose would otherwise take every algorithm that fits the key (RFC 8725 §3.1). */
const tokenAlgorithms = ['ES256', 'RS256', 'EdDSA'];
/** RFC 9068 §2.1: what keeps ID tokens out. */
const tokenType = 'at+jwt';

/** The last instant that a Date can hold. */
const latestMs = 8.64e15;

/** What a verified token says. */
export interface VerifiedToken {
  readonly id: string;
  readonly type?: string;
  readonly expiresAt: Date;
  readonly signIn?: SignIn;
}

/** Verifies a JWT. @throws AccessError TOKEN_INVALID, TOKEN_EXPIRED, NOT_READY when the issuer's keys cannot be read */
export type VerifyToken = (token: string, now: Date) => Promise<VerifiedToken>;

interface KnownIssuer {
  readonly issuer: Issuer;
  readonly findKey: FindKey;
}

/** Verifies tokens of these issuers. */
export function createTokenVerifier(issuers: readonly Issuer[], onTrouble: OnTrouble): VerifyToken {
  const known = new Map<string, KnownIssuer>(
    issuers.map((issuer) => [issuer.issuer, { issuer, findKey: issuerKeys(issuer.keys, onTrouble) }]),
  );
  return async (token, now) => {
    const { issuer, findKey } = pickIssuer(known, token);
    try {
      const { payload } = await jwtVerify(token, findKey, {
        algorithms: tokenAlgorithms,
        issuer: issuer.issuer,
        audience: issuer.audience,
        typ: tokenType,
        requiredClaims: ['exp', 'sub', issuer.claim],
        currentDate: now,
      });
      return readClaims(payload, issuer, now);
    } catch (error) {
      throw tokenError(error, issuer, now);
    }
  };
}

/** By the `iss` that the token claims; the signature must then fit that issuer's keys. */
function pickIssuer(known: ReadonlyMap<string, KnownIssuer>, token: string): KnownIssuer {
  let claimed: unknown;
  try {
    claimed = decodeJwt(token).iss;
  } catch (error) {
    throw invalid('not a signed JWT of three parts', error);
  }
  const issuer = typeof claimed === 'string' ? known.get(claimed) : undefined;
  if (issuer === undefined) {
    const seen = typeof claimed === 'string' ? showSeen(claimed) : 'none';
    // Whoever holds no good token is not told whose tokens would be.
    throw invalid(`seen issuer ${seen}, wanted one that is configured`);
  }
  return issuer;
}

function readClaims(payload: JWTPayload, issuer: Issuer, now: Date): VerifiedToken {
  const id = payload[issuer.claim];
  if (typeof id !== 'string') {
    throw invalid(`seen a claim "${issuer.claim}" that is no string, wanted the id of a directory entity`);
  }
  const type = (issuer.typeClaim === undefined ? undefined : payload[issuer.typeClaim]) ?? issuer.entityType;
  if (type !== undefined && typeof type !== 'string') {
    throw invalid(`seen a claim "${issuer.typeClaim}" that is no string, wanted an entity type`);
  }
  if (type !== undefined && type !== issuer.entityType && issuer.entityTypes?.includes(type) === false) {
    const wanted = issuer.entityTypes.map(showSeen).join(', ');
    throw invalid(`seen the entity type ${showSeen(type)}, wanted one of those of its issuer: ${wanted}`);
  }
  if (payload.exp === undefined) {
    throw invalid('has no exp');
  }
  const expiresAt = new Date(Math.min(payload.exp * 1_000, latestMs));
  const signIn = readSignIn(payload, now);
  return {
    id: checkClaimedId(id, issuer.claim),
    ...(type === undefined ? {} : { type }),
    expiresAt,
    ...(signIn === undefined ? {} : { signIn }),
  };
}

function checkClaimedId(id: string, claim: string): string {
  try {
    return checkId(id, `claim "${claim}"`);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : `claim "${claim}"`, error);
  }
}

function tokenError(error: unknown, issuer: Issuer, now: Date): unknown {
  if (error instanceof AccessError) {
    return error;
  }
  if (error instanceof KeysUnavailableError) {
    const message = `the keys of issuer ${issuer.issuer} cannot be read just now; call again`;
    return new AccessError('NOT_READY', message, { cause: error });
  }
  if (error instanceof errors.JWTExpired) {
    const message = `the token expired at ${expiryOf(error.payload)}, it is ${now.toISOString()}; get a new one`;
    return new AccessError('TOKEN_EXPIRED', message, { cause: error });
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalid(claimProblem(error, issuer, now), error);
  }
  return error instanceof errors.JOSEError ? invalid(problemOf(error, issuer), error) : error;
}

function expiryOf(payload: JWTPayload): string {
  const { exp } = payload;
  const at = new Date(typeof exp === 'number' ? exp * 1_000 : Number.NaN);
  return Number.isNaN(at.getTime()) ? 'an unknown time' : at.toISOString();
}

function claimProblem(error: errors.JWTClaimValidationFailed, issuer: Issuer, now: Date): string {
  const wanted: Readonly<Record<string, string>> = {
    typ: `the header typ ${showSeen(tokenType)}: an access token (RFC 9068), not an ID token`,
    aud: `the audience ${showSeen(issuer.audience)}`,
    iss: `the issuer ${showSeen(issuer.issuer)}`,
    nbf: `one that is valid already; it is ${now.toISOString()}`,
    exp: 'an expiry, in seconds since 1970',
  };
  const seen = error.reason === 'missing' ? `no ${error.claim}` : `another or malformed ${error.claim}`;
  return `seen ${seen}, wanted ${wanted[error.claim] ?? `the claim ${error.claim}`}`;
}

function problemOf(error: errors.JOSEError, issuer: Issuer): string {
  switch (error.code) {
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return `seen another algorithm, wanted one of ${tokenAlgorithms.join(', ')}`;
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return `its signature is not of a key of issuer ${issuer.issuer}`;
    case 'ERR_JWKS_NO_MATCHING_KEY':
      return `seen a key (kid, alg) that issuer ${issuer.issuer} does not have`;
    case 'ERR_JWKS_MULTIPLE_MATCHING_KEYS':
      return `has no kid, and several keys of issuer ${issuer.issuer} fit`;
    default:
      return 'not a well-formed signed JWT';
  }
}

function invalid(problem: string, cause?: unknown): AccessError {
  return new AccessError('TOKEN_INVALID', `the token is refused: ${problem}; get a new one`, { cause });
}
