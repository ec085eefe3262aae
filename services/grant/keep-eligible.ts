import { AccessError } from '../../core/access/access-error.ts';
import { standing } from '../../core/replica/let-in.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { GrantContext } from './context.ts';
import { endIneligible } from './end-ineligible.ts';
import { takeTurns } from './give-way.ts';

/** While changes follow each other, as when a directory is loaded, one look serves many. */
const SETTLE_MS = 500;
/** Even when changes never stop. */
const SETTLE_AT_MOST_MS = 10_000;
const AGAIN_MS = 5_000;
/** Nobody waits for it: it works half of the time at most. */
const TURN = { sliceMs: 5, restMs: 5 } as const;
/** Transitions under way at once. */
const AT_ONCE = 4;

/**
 * Looks at all live grants after every change of policies or directory. Decisions need nobody to do so: they ask themselves. This
 * writes down what they found.
 * @returns what ends it
 */
export function keepEligible(context: GrantContext, log: Logger): () => Promise<void> {
  const { follower, replica } = context.followed;
  const closing = new AbortController();
  let seen: number | undefined;
  let changedMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  function lookAfter(delayMs: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      looking = look().finally(() => {
        looking = undefined;
        notice();
      });
    }, delayMs);
  }

  function notice(): void {
    if (closing.signal.aborted || looking !== undefined || seen === replica.generation) return;
    const nowMs = performance.now();
    if (timer === undefined) changedMs = nowMs;
    lookAfter(Math.min(SETTLE_MS, Math.max(0, changedMs + SETTLE_AT_MOST_MS - nowMs)));
  }

  async function look(): Promise<void> {
    const { generation } = replica;
    try {
      if (replica.policies.kind === 'ready') await endAll(context, closing.signal);
      seen = generation;
    } catch (error) {
      if (closing.signal.aborted) return;
      const isPassing = error instanceof AccessError && error.reason === 'CONFLICT';
      if (!isPassing) log.error({ err: error }, 'grants that let nobody in any more could not be ended yet');
      await rest(AGAIN_MS, closing.signal);
    }
  }

  const stopListening = follower.onAdvance(notice);
  notice();
  return async () => {
    stopListening();
    closing.abort();
    clearTimeout(timer);
    await looking;
  };
}

async function endAll(context: GrantContext, signal: AbortSignal): Promise<void> {
  const { replica } = context.followed;
  const giveWay = takeTurns(TURN);
  const found: string[] = [];
  for (const grant of replica.grants.all()) {
    await giveWay(signal);
    if (standing(replica, grant) === 'out') found.push(grant.id);
    if (found.length === AT_ONCE) await end(context, found.splice(0), signal);
  }
  await end(context, found, signal);
}

async function end(context: GrantContext, ids: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const ends = await Promise.allSettled(ids.map((id) => endIneligible(context, id)));
  for (const result of ends) if (result.status === 'rejected') throw result.reason;
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
