import { isLoopback } from './address.ts';

export const databaseUrlWanted =
  'a URL such as postgres://user:password@host:5432/curfew?sslmode=verify-full';

/** Each means the same here: a certificate that a known authority signed, for the host of the URL. */
const verifyingModes = ['require', 'verify-ca', 'verify-full'];

/** What is said beside a database URL of how the database is reached. */
export interface DatabaseTls {
  /** The PEM file of the authority that signs the database's certificate; undefined = those that Node knows. */
  readonly caPath?: string | undefined;
  /** Whether passwords and data may go unencrypted to another machine. */
  readonly isCleartextAllowed?: boolean;
}

/** What is wanted instead of this database URL; undefined when it is good. TLS is verified, and beyond this machine it must be on. */
export function databaseUrlProblem(text: string, tls: DatabaseTls = {}): string | undefined {
  const url = URL.parse(text);
  if (url === null || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    return databaseUrlWanted;
  }
  // As pg reads them: the last of several counts, and "host" replaces the URL's.
  const parameters = new Map(url.searchParams);
  if (parameters.has('ssl') || parameters.has('uselibpqcompat')) {
    return 'neither "ssl" nor "uselibpqcompat" in the URL; sslmode=verify-full says it all';
  }
  const mode = parameters.get('sslmode') ?? (tls.caPath === undefined ? 'disable' : 'verify-full');
  if (verifyingModes.includes(mode)) {
    return undefined;
  }
  if (mode !== 'disable') {
    return `sslmode=verify-full in the URL; ${JSON.stringify(mode)} would verify nothing`;
  }
  if (tls.caPath !== undefined) {
    return 'no sslmode=disable in the URL, because CURFEW_DATABASE_CA is set';
  }
  const host = parameters.get('host') ?? decodeURIComponent(url.hostname);
  return host.startsWith('/') || isLoopback(host) || tls.isCleartextAllowed === true
    ? undefined
    : 'sslmode=verify-full in the URL, because the host is not this machine; or CURFEW_DATABASE_CLEARTEXT=1, where nobody else can listen or answer on the network between';
}

/** A good database URL with what is said beside it. */
export function withDatabaseTls(text: string, { caPath }: DatabaseTls): string {
  const url = new URL(text);
  if (caPath !== undefined) {
    url.searchParams.set('sslrootcert', caPath);
  }
  if (caPath !== undefined || verifyingModes.includes(new Map(url.searchParams).get('sslmode') ?? '')) {
    url.searchParams.set('sslmode', 'verify-full');
  }
  return url.href;
}

/**
 * What is wanted instead of the URL that `npm start` is given; undefined when it is good. Services sign in with the same URL under names
 * of their own, so the name must stand where theirs replaces it: pg lets the parameters win, and a URL without a host takes no name at all.
 */
export function ownerUrlProblem(text: string, tls: DatabaseTls = {}): string | undefined {
  const problem = databaseUrlProblem(text, tls);
  if (problem !== undefined) return problem;
  const url = new URL(text);
  if (url.hostname === '') return 'a URL with a host, such as postgres://user:password@localhost/curfew';
  return url.searchParams.has('user') || url.searchParams.has('password')
    ? 'user and password before the host (postgres://user:password@host/curfew), not as parameters'
    : undefined;
}
