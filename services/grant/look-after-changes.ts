import { AccessError } from '../../core/access/access-error.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { GrantContext } from './context.ts';

/** While changes follow each other, as when a directory is loaded, one look serves many. */
const SETTLE_MS = 500;
/** Even when changes never stop. */
const SETTLE_AT_MOST_MS = 10_000;
const AGAIN_MS = 5_000;

/** What is looked at after changes, and after which. */
export interface Looking {
  /** Another value after every change that matters. */
  readonly stampOf: (replica: Replica) => number | bigint;
  readonly look: (signal: AbortSignal) => Promise<void>;
  /** Logged when a look fails; it is made again. */
  readonly trouble: string;
}

/**
 * Looks once at the start and soon after changes, one look at a time, for as long as there are policies.
 * @returns what ends it
 */
export function lookAfterChanges(context: GrantContext, log: Logger, looking: Looking): () => Promise<void> {
  const { follower, replica } = context.followed;
  const closing = new AbortController();
  let seen: number | bigint | undefined;
  let changedMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> | undefined;

  function lookAfter(delayMs: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      current = look().finally(() => {
        current = undefined;
        notice();
      });
    }, delayMs);
  }

  function notice(): void {
    if (closing.signal.aborted || current !== undefined || seen === looking.stampOf(replica)) return;
    const nowMs = performance.now();
    if (timer === undefined) changedMs = nowMs;
    lookAfter(Math.min(SETTLE_MS, Math.max(0, changedMs + SETTLE_AT_MOST_MS - nowMs)));
  }

  async function look(): Promise<void> {
    const stamp = looking.stampOf(replica);
    // Nobody says when policies that could not be loaded can be: it is noticed again until they are.
    if (replica.policies.kind !== 'ready') return;
    try {
      await looking.look(closing.signal);
      seen = stamp;
    } catch (error) {
      if (closing.signal.aborted) return;
      const isPassing = error instanceof AccessError && error.reason === 'CONFLICT';
      if (!isPassing) log.error({ err: error }, looking.trouble);
      await rest(AGAIN_MS, closing.signal);
    }
  }

  const stopListening = follower.onAdvance(notice);
  notice();
  return async () => {
    stopListening();
    closing.abort();
    clearTimeout(timer);
    await current;
  };
}

/** Resolves early when the signal is aborted. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
