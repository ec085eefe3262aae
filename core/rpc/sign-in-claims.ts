import type { JWTPayload } from 'jose';
import type { SignIn } from '../access/sign-in.ts';

/** An issuer's clock may be so far ahead of ours. */
const CLOCK_SKEW_MS = 60_000;
const MOST_METHODS = 20;
/** RFC 8176 has words; some issuers have URLs. */
const METHOD = /^[!-~]{1,200}$/;

/**
 * What a verified token says of how its subject signed in (OpenID Connect: `auth_time` in seconds, `amr`). A claim of another form, or
 * of an instant that has not come, says nothing: a policy that asks for it is then not satisfied.
 */
export function readSignIn({ auth_time: time, amr }: JWTPayload, now: Date): SignIn | undefined {
  const at = isPast(time, now) ? new Date(Math.floor(time * 1_000)) : undefined;
  const methods = isMethods(amr) ? [...new Set(amr)] : [];
  return at === undefined && methods.length === 0 ? undefined : { at, methods };
}

function isPast(time: unknown, now: Date): time is number {
  return typeof time === 'number' && time >= 0 && time * 1_000 <= now.getTime() + CLOCK_SKEW_MS;
}

function isMethods(amr: unknown): amr is readonly string[] {
  return (
    Array.isArray(amr) &&
    amr.length <= MOST_METHODS &&
    amr.every((method) => typeof method === 'string' && METHOD.test(method))
  );
}
