import { standing } from '../../core/replica/let-in.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { GrantContext } from './context.ts';
import { endIneligible } from './end-ineligible.ts';
import { takeTurns } from './give-way.ts';
import { lookAfterChanges } from './look-after-changes.ts';

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
  return lookAfterChanges(context, log, {
    stampOf: (replica) => replica.generation,
    look: (signal) => endAllIneligible(context, signal),
    trouble: 'grants that let nobody in any more could not be ended yet',
  });
}

/** Ends every live grant whose workflow lets its holder in no more. @throws AccessError when one could not be ended */
export async function endAllIneligible(context: GrantContext, signal: AbortSignal): Promise<void> {
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
