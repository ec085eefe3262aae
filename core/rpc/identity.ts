import { AccessError } from '../access/access-error.ts';
import type { EntityUid } from '../access/entity.ts';
import type { CertificateRule } from '../runtime/certificate-rule.ts';
import type { Issuer } from '../runtime/issuer.ts';
import type { Logger } from '../runtime/log.ts';
import { showSeen } from '../runtime/seen.ts';
import { certificateName } from './certificate.ts';
import { allowByCertificate } from './certificate-rules.ts';
import type { Caller } from './route.ts';
import { createTokenVerifier, type VerifiedToken } from './token.ts';
import { createTokenCache } from './token-cache.ts';

/** What a call brings to prove who calls. */
export interface Credentials {
  /** The method that is called: `/curfew.decision.v1.DecisionService/Authorize`. */
  readonly path: string;
  /** Each `authorization` header as received. */
  readonly authorization: readonly string[];
  /** The client certificate of the connection; undefined without one. */
  readonly certificate: () => ClientCertificate | undefined;
  /** The connection, by which the token that comes with each of its calls is known again. */
  readonly connection?: object | undefined;
}

/** A client certificate: one that TLS verified, with its alternative names as Node prints them, or one that it did not, and why. */
export type ClientCertificate =
  | { readonly kind: 'verified'; readonly names: string; readonly expiresAt: Date }
  | { readonly kind: 'refused'; readonly why: string };

/** Who calls. @throws AccessError CREDENTIALS_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, CALLER_UNKNOWN, NOT_PERMITTED, NOT_READY */
export interface Identify {
  (credentials: Credentials): Promise<Caller>;
  /** The same at once, for the token that the connection brought last and that has been verified; undefined where it takes longer. */
  recall(connection: object, authorization: readonly string[]): Caller | undefined;
}

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
export type ResolveCaller = (name: CallerName) => EntityUid | undefined | Promise<EntityUid | undefined>;

export interface IdentifyOptions {
  readonly issuers: readonly Issuer[];
  readonly resolveCaller: ResolveCaller;
  /** What a certificate's name must begin with; the rest is the id. Empty unless said: the whole name is. */
  readonly certificatePrefix?: string;
  /** What certificates may call at all; everything unless said. */
  readonly certificateRules?: readonly CertificateRule[] | undefined;
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
 *
 * @throws Error when a certificate rule names a service or method that does not exist
 */
export function createIdentify(options: IdentifyOptions): Identify {
  const { resolveCaller, certificatePrefix = '', now = () => new Date() } = options;
  const verify = createTokenVerifier(options.issuers, (error) => {
    options.logger?.warn({ err: error }, error.message);
  });
  const verified = createTokenCache<VerifiedToken>(maxTokens);
  const lastOf = new WeakMap<object, LastToken>();
  const mayCall = allowByCertificate(options.certificateRules);

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

  async function identify({ authorization, certificate, path, connection }: Credentials): Promise<Caller> {
    if (authorization.length > 0) {
      const token = await verifyOnce(readBearer(authorization));
      if (connection !== undefined) lastOf.set(connection, { authorization: authorization[0] ?? '', token });
      return callerBy(token, await resolve(nameOf(token), resolveCaller));
    }
    const { names, expiresAt } = verifiedOf(certificate(), now());
    const id = certificateName(names, certificatePrefix);
    if (!mayCall(id, path)) {
      const message = `the certificate of ${showSeen(id)} may not call ${path.slice(1)}; CURFEW_TLS_ALLOW says what it may`;
      throw new AccessError('NOT_PERMITTED', message);
    }
    return { uid: await resolve({ id, by: 'certificate' }, resolveCaller), expiresAt };
  }

  function recall(connection: object, [header, ...others]: readonly string[]): Caller | undefined {
    const last = lastOf.get(connection);
    const isSame = last !== undefined && last.authorization === header && others.length === 0;
    if (!isSame || last.token.expiresAt <= now()) return undefined;
    const uid = resolveCaller(nameOf(last.token));
    return uid === undefined || uid instanceof Promise ? undefined : callerBy(last.token, uid);
  }

  return Object.assign(identify, { recall });
}

/** The token that a connection brought last, as it was sent. HTTP/2 itself keeps it as long, in the table of the connection's headers. */
interface LastToken {
  readonly authorization: string;
  readonly token: VerifiedToken;
}

function nameOf({ id, type }: VerifiedToken): CallerName {
  return type === undefined ? { id, by: 'token' } : { id, type, by: 'token' };
}

function callerBy({ expiresAt, signIn }: VerifiedToken, uid: EntityUid): Caller {
  return signIn === undefined ? { uid, expiresAt } : { uid, expiresAt, signIn };
}

/** A certificate that counts. It was verified when the connection began, and may have expired since. */
function verifiedOf(
  certificate: ClientCertificate | undefined,
  now: Date,
): ClientCertificate & { readonly kind: 'verified' } {
  const wanted = 'wanted the header "authorization: Bearer <token>" or a client certificate';
  if (certificate === undefined) {
    throw new AccessError('CREDENTIALS_MISSING', `seen no credentials, ${wanted}`);
  }
  if (certificate.kind === 'refused') {
    const seen = `seen a client certificate that does not verify (${certificate.why})`;
    const accepted = 'that an authority of CURFEW_TLS_CLIENT_CA signed for clients and that has not expired';
    throw new AccessError('CREDENTIALS_MISSING', `${seen}, ${wanted} ${accepted}`);
  }
  if (certificate.expiresAt <= now) {
    const seen = `the client certificate expired at ${certificate.expiresAt.toISOString()}`;
    throw new AccessError(
      'CREDENTIALS_MISSING',
      `${seen}, it is ${now.toISOString()}; connect with a new one`,
    );
  }
  return certificate;
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

async function resolve(name: CallerName, resolveCaller: ResolveCaller): Promise<EntityUid> {
  const uid = await resolveCaller(name);
  if (uid === undefined) {
    const seen = `${name.type ?? 'an entity'} with the id ${showSeen(name.id)}`;
    const message = `the ${name.by} names ${seen}; the directory has none, or more than one`;
    throw new AccessError('CALLER_UNKNOWN', message);
  }
  return uid;
}
