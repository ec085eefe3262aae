import { AccessError } from '../access/access-error.ts';
import type { EntityUid } from '../access/entity.ts';
import type { Issuer } from '../runtime/issuer.ts';
import type { Logger } from '../runtime/log.ts';
import { showSeen } from '../runtime/seen.ts';
import { certificateName } from './certificate.ts';
import type { Caller } from './route.ts';
import { createTokenVerifier, type VerifiedToken } from './token.ts';
import { createTokenCache } from './token-cache.ts';

/** What a call brings to prove who calls. */
export interface Credentials {
  /** Each `authorization` header as received. */
  readonly authorization: readonly string[];
  /** The alternative names of the client certificate that TLS verified, as Node prints them; undefined without one. */
  readonly certificateNames: () => string | undefined;
}

/** Who calls. @throws AccessError CREDENTIALS_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, CALLER_UNKNOWN, NOT_READY */
export type Identify = (credentials: Credentials) => Promise<Caller>;

/** The name that verified credentials carry. */
export interface CallerName {
  /** The entity's id. */
  readonly id: string;
  /** Its entity type, when the token or the issuer's configuration says it. */
  readonly type?: string;
  /** What proved it; a certificate names a service, never a person. */
  readonly by: 'token' | 'certificate';
}

/** Finds the entity of that name in the directory; undefined when there is none, or more than one. */
export type ResolveCaller = (name: CallerName) => EntityUid | undefined;

export interface IdentifyOptions {
  readonly issuers: readonly Issuer[];
  readonly resolveCaller: ResolveCaller;
  /** What a certificate's name must begin with; the rest is the id. Empty unless said: the whole name is. */
  readonly certificatePrefix?: string;
  readonly now?: () => Date;
  /** Hears when an issuer's keys cannot be read. */
  readonly logger?: Logger;
}

const maxTokens = 10_000;
const maxHeaderLength = 8_192;
const bearer = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i;

/**
 * Knows callers by a bearer JWT or else by their client certificate; there is no anonymous caller. The directory is asked on every
 * call, so a deleted entity's token is worth nothing at once.
 */
export function createIdentify(options: IdentifyOptions): Identify {
  const { resolveCaller, certificatePrefix = '', now = () => new Date() } = options;
  const verify = createTokenVerifier(options.issuers, (error) => {
    options.logger?.warn({ err: error }, error.message);
  });
  const verified = createTokenCache<VerifiedToken>(maxTokens);

  async function verifyOnce(token: string): Promise<VerifiedToken> {
    const at = now();
    const known = verified.get(token, at);
    if (known !== undefined) {
      return known;
    }
    const fresh = await verify(token, at);
    verified.set(token, fresh, fresh.expiresAt);
    return fresh;
  }

  return async ({ authorization, certificateNames }) => {
    if (authorization.length > 0) {
      const { id, type } = await verifyOnce(readBearer(authorization));
      return resolve({ id, ...(type === undefined ? {} : { type }), by: 'token' }, resolveCaller);
    }
    const names = certificateNames();
    if (names !== undefined) {
      return resolve({ id: certificateName(names, certificatePrefix), by: 'certificate' }, resolveCaller);
    }
    const message =
      'seen no credentials, wanted the header "authorization: Bearer <token>" or a client certificate';
    throw new AccessError('CREDENTIALS_MISSING', message);
  };
}

function readBearer(headers: readonly string[]): string {
  const [header = '', ...others] = headers;
  if (others.length > 0) {
    throw new AccessError('TOKEN_INVALID', `seen ${headers.length} authorization headers, wanted one`);
  }
  if (header.length > maxHeaderLength) {
    const seen = `seen an authorization header of ${header.length} characters`;
    throw new AccessError('TOKEN_INVALID', `${seen}, wanted at most ${maxHeaderLength}`);
  }
  const token = bearer.exec(header)?.[1];
  if (token === undefined) {
    throw new AccessError('TOKEN_INVALID', 'seen another authorization header, wanted "Bearer <token>"');
  }
  return token;
}

function resolve(name: CallerName, resolveCaller: ResolveCaller): Caller {
  const uid = resolveCaller(name);
  if (uid === undefined) {
    const seen = `${name.type ?? 'an entity'} with the id ${showSeen(name.id)}`;
    const message = `the ${name.by} names ${seen}; the directory has none, or more than one`;
    throw new AccessError('CALLER_UNKNOWN', message);
  }
  return { uid };
}
