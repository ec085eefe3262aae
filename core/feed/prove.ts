import type { Poll } from '../store/ledger.ts';

/** Where a follower stands. */
export interface Cursor {
  readonly epoch: string;
  readonly revision: bigint;
  readonly hash: Buffer;
}

/**
 * What is wrong with an answer to a poll: another history (a restore, a lossy failover), a gap, or a broken link. Undefined when
 * it continues ours.
 */
export function checkPoll(poll: Poll, cursor: Cursor): string | undefined {
  if (poll.isStandby) return 'the database is a standby, which may lag: follow the writer';
  if (poll.epoch !== cursor.epoch) return 'the epoch has changed: the database was restored';
  if (poll.hashAtCursor === undefined) return 'the row that was read last is gone';
  if (!poll.hashAtCursor.equals(cursor.hash)) return 'the row that was read last has another hash';
  let { revision, hash } = cursor;
  for (const placed of poll.events) {
    if (placed.revision !== revision + 1n)
      return `revision ${placed.revision} follows ${revision}: rows are missing`;
    if (!placed.previousHash.equals(hash))
      return `revision ${placed.revision} is not linked to the row before it`;
    ({ revision, hash } = placed);
  }
  return undefined;
}
