import type { EntityUid } from '../access/entity.ts';
import type { Follower } from '../feed/follower.ts';
import type { CallerName } from './resolve-caller.ts';

/** Finds the entity of a name; undefined when there is none. */
type Resolve = (name: CallerName) => EntityUid | undefined;

const maxWaitMs = 1_000;
const maxWaiting = 1_000;

/**
 * Resolves names; one that is not known is looked for once more after the follower's next look at the ledger, for whoever was created a
 * moment ago may already call. They all wait for the look that comes anyway, so unknown names make nobody look more often.
 */
export function awaitNewcomers(
  resolve: Resolve,
  follower: Pick<Follower, 'lookAgain'>,
): (name: CallerName) => EntityUid | undefined | Promise<EntityUid | undefined> {
  let waiting = 0;
  async function lookAgain(name: CallerName): Promise<EntityUid | undefined> {
    waiting += 1;
    try {
      await follower.lookAgain(maxWaitMs);
    } finally {
      waiting -= 1;
    }
    return resolve(name);
  }
  return (name) => resolve(name) ?? (waiting < maxWaiting ? lookAgain(name) : undefined);
}
