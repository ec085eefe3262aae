import { AccessError } from '../../core/access/access-error.ts';
import { standing } from '../../core/replica/let-in.ts';
import type { Logger } from '../../core/runtime/log.ts';
import type { GrantContext } from './context.ts';
import { endIneligible } from './end-ineligible.ts';
import { takeTurns } from './give-way.ts';
import { isPassing } from './jobs/write-lapses.ts';
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
  const failures: unknown[] = [];
  for (const grant of replica.grants.all()) {
    await giveWay(signal);
    if (standing(replica, grant) === 'out') found.push(grant.id);
    if (found.length === AT_ONCE) failures.push(...(await end(context, found.splice(0), signal)));
  }
  failures.push(...(await end(context, found, signal)));
  if (failures.length > 0)
    throw new Error(`${failures.length} grants could not be ended`, { cause: failures[0] });
}

/** @returns why some could not be ended; all others are */
async function end(
  context: GrantContext,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  signal.throwIfAborted();
  return (await Promise.all(ids.map((id) => tryToEnd(context, id)))).filter(
    (failure) => failure !== undefined,
  );
}

async function tryToEnd(context: GrantContext, id: string): Promise<unknown> {
  try {
    await endIneligible(context, id);
    return undefined;
  } catch (error) {
    if (isPassing(error) || (error instanceof AccessError && error.reason === 'CONFLICT')) throw error;
    return new Error(`grant ${id}`, { cause: error });
  }
}
