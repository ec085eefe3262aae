import { setTimeout as delay } from 'node:timers/promises';
import { argumentError, CurfewError } from './curfew-error.ts';

/** How long to wait for one call. */
export interface CallOptions {
  /** From the call to its answer, getting the token, connecting and a second try included. */
  readonly timeoutMs?: number;
  /** Gives up early; the call fails with CANCELLED. */
  readonly signal?: AbortSignal;
}

/** How long a caller waits, from one moment on. */
export interface Patience {
  readonly timeoutMs: number;
  /** Milliseconds of the epoch. */
  readonly until: number;
  readonly signal: AbortSignal | undefined;
}

/** What a timer of the runtime can hold. */
const maxTimeoutMs = 2 ** 31 - 1;

/** Patience that begins now. @throws CurfewError INVALID_ARGUMENT for a time limit that is none */
export function startPatience({ timeoutMs: given, signal }: CallOptions, usualTimeoutMs: number): Patience {
  const timeoutMs = given ?? usualTimeoutMs;
  if (!(timeoutMs > 0 && timeoutMs <= maxTimeoutMs))
    throw argumentError('timeoutMs', `seen ${timeoutMs}, wanted more than 0 and at most ${maxTimeoutMs}`);
  return { timeoutMs, until: Date.now() + timeoutMs, signal };
}

/**
 * The promise's value, or an error when it takes longer than the call may.
 *
 * @param what is waited for, for the message
 * @throws CurfewError DEADLINE_EXCEEDED or CANCELLED
 */
export async function within<T>(promise: Promise<T>, patience: Patience, what: string): Promise<T> {
  const { timeoutMs, until, signal } = patience;
  const { promise: outcome, resolve, reject } = Promise.withResolvers<T>();
  const late = (): void => reject(new CurfewError('DEADLINE_EXCEEDED', `no ${what} after ${timeoutMs} ms`));
  const timer = setTimeout(late, Math.max(0, until - Date.now()));
  const abort = (): void => reject(givenUp());
  signal?.addEventListener('abort', abort, { once: true });
  promise.then(resolve, reject);
  try {
    return await outcome;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** Waits. @throws CurfewError CANCELLED when the caller gives up */
export async function pause(ms: number, { signal }: Patience): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch {
    throw givenUp();
  }
}

/** What a call fails with when its `signal` says so. */
export function givenUp(): CurfewError {
  return new CurfewError('CANCELLED', 'given up by the caller');
}
