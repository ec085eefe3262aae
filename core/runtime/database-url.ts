import { isLoopback } from './address.ts';

export const databaseUrlWanted =
  'a URL such as postgres://user:password@host:5432/curfew?sslmode=verify-full';

const verifyingModes = ['require', 'verify-ca', 'verify-full'];

/** What is wanted instead of this database URL; undefined when it is good. Beyond this machine TLS must be on and verified. */
export function databaseUrlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    return databaseUrlWanted;
  }
  // As pg reads them: the last of several counts, and "host" replaces the URL's.
  const parameters = new Map(url.searchParams);
  const host = parameters.get('host') ?? decodeURIComponent(url.hostname);
  if (host.startsWith('/') || isLoopback(host)) {
    return undefined;
  }
  if (parameters.has('ssl') || parameters.has('uselibpqcompat')) {
    return 'neither "ssl" nor "uselibpqcompat" in the URL; sslmode=verify-full says it all';
  }
  return verifyingModes.includes(parameters.get('sslmode') ?? '')
    ? undefined
    : 'sslmode=verify-full in the URL, because the host is not this machine';
}

/**
 * What is wanted instead of the URL that `npm start` is given; undefined when it is good. Services sign in with the same URL under names of their own,
 * so the name must stand where theirs replaces it: pg lets the parameters win, and a URL without a host takes no name at all.
 */
export function ownerUrlProblem(text: string): string | undefined {
  const problem = databaseUrlProblem(text);
  if (problem !== undefined) return problem;
  const url = new URL(text);
  if (url.hostname === '') return 'a URL with a host, such as postgres://user:password@localhost/curfew';
  return url.searchParams.has('user') || url.searchParams.has('password')
    ? 'user and password before the host (postgres://user:password@host/curfew), not as parameters'
    : undefined;
}
