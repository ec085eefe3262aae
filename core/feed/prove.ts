import type { PlacedEvent, Poll } from '../store/ledger.ts';

/** Where a follower stands. */
export interface Cursor {
  readonly epoch: string;
  readonly revision: bigint;
  readonly hash: Buffer;
}

/** The events by revision, each once, however they arrived. Two that differ at one revision both stay, for `checkPoll` to refuse. */
export function inOrder(events: readonly PlacedEvent[]): readonly PlacedEvent[] {
  return events
    .toSorted((a, b) => (a.revision < b.revision ? -1 : a.revision > b.revision ? 1 : 0))
    .filter((placed, i, sorted) => {
      const before = sorted[i - 1];
      return before?.revision !== placed.revision || !before.hash.equals(placed.hash);
    });
}

/**
 * What is wrong with an answer to a poll, its events in order: another history (a restore, a lossy failover), a gap, or a broken
 * link. Undefined when it continues ours.
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
  return checkEnd(poll, { revision, hash });
}

function checkEnd(poll: Poll, last: Pick<Cursor, 'revision' | 'hash'>): string | undefined {
  if (last.revision > poll.headRevision)
    return `revision ${last.revision} is beyond the head, which is at ${poll.headRevision}`;
  if (last.revision === poll.headRevision && !last.hash.equals(poll.headHash))
    return `revision ${last.revision} is not the row that the head names`;
  if (poll.events.length === 0 && last.revision < poll.headRevision)
    return `nothing follows ${last.revision}, but the head is at ${poll.headRevision}: rows are missing`;
  return undefined;
}
