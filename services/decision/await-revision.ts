import { AccessError, fieldError } from '../../core/access/access-error.ts';
import type { Follower } from '../../core/feed/follower.ts';
import type { FollowedState } from './followed-state.ts';
import { REVISION_AHEAD, REVISION_WAIT_MS, REVISION_WAITERS } from './limits.ts';

/** @throws AccessError FIELD_INVALID when negative, REVISION_UNREACHABLE when no wait could bring it */
export function checkRevision(followed: FollowedState, revision: bigint, field: string): void {
  if (revision < 0n) throw fieldError(field, `seen ${revision}, wanted a ledger revision, or 0 for none`);
  const head = followed.replica.revision;
  if (revision - head > REVISION_AHEAD) {
    const message = `${field}: seen ${revision}, the ledger is at about ${head}; wanted a revision that this ledger answered with`;
    throw new AccessError('REVISION_UNREACHABLE', message, { metadata: { revision: String(head) } });
  }
}

/**
 * Waits until the replica stands at that revision or later, at most a second; 0 waits only while the replica starts from a snapshot or
 * loads policies.
 * @throws AccessError REVISION_NOT_REACHED, NOT_READY, TOO_MUCH when too many calls wait already
 */
export async function awaitRevision({ follower }: FollowedState, revision: bigint): Promise<void> {
  if (follower.revision !== undefined && follower.revision >= revision) return;
  if (follower.waiting >= REVISION_WAITERS) {
    const limit = String(REVISION_WAITERS);
    const message = `${limit} calls wait for a revision already, wanted fewer; call again`;
    throw new AccessError('TOO_MUCH', message, { metadata: { limit, unit: 'calls' } });
  }
  if (!(await follower.waitFor(revision, REVISION_WAIT_MS))) throw notReached(follower, revision);
}

/** Why a revision is not there. */
export function notReached(follower: Follower, revision: bigint): AccessError {
  if (follower.revision === undefined) {
    return new AccessError('NOT_READY', 'the service is starting from a snapshot of the ledger; call again');
  }
  const message = `revision ${revision} did not arrive within ${REVISION_WAIT_MS} ms, the replica is at ${follower.revision}; call again`;
  return new AccessError('REVISION_NOT_REACHED', message, {
    metadata: { revision: String(follower.revision) },
  });
}
