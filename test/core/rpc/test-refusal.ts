import { AccessError } from '../../../core/access/access-error.ts';
import type { Credentials, Identify } from '../../../core/rpc/identity.ts';

/** A call of Authorize that brings these headers and, when its names are said, a verified certificate. */
export function credentials(authorization: readonly string[], names?: string): Credentials {
  const expiresAt = new Date(8.64e15);
  return {
    path: '/curfew.decision.v1.DecisionService/Authorize',
    authorization,
    certificate: () => (names === undefined ? undefined : { kind: 'verified', names, expiresAt }),
  };
}

/** The credentials of a call with this token and no certificate. */
export function bearer(token: string): Credentials {
  return credentials([`Bearer ${token}`]);
}

/** Why that token is refused. */
export function tokenRefusal(token: string, identify: Identify): Promise<AccessError> {
  return accessErrorOf(identify(bearer(token)));
}

/** The AccessError that a promise must be rejected with. */
export async function accessErrorOf(promise: Promise<unknown>): Promise<AccessError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AccessError) {
    return error;
  }
  throw new Error('wanted an AccessError', { cause: error });
}
