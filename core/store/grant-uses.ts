import { IDLE_GRACE_MS } from '../access/grant.ts';
import { GRANT_MOVES } from '../access/states.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { changeGrant, guardedChange } from './grant-changes.ts';
import { lockGrant, type RecordedGrant } from './grants.ts';
import { Call, send, sendLater, type Statement } from './statement.ts';
import type { Locked, Trx } from './transition.ts';

const COUNT_USE = guardedChange(
  'count_use',
  'uses_left = uses_left - 1',
  `state = '${GRANT_MOVES.GRANT_USED.from}' AND uses_left = $2`,
);
const FIND_USE: Statement = {
  name: 'find_use',
  isRead: true,
  text: 'SELECT 1 FROM grant_uses WHERE grant_id = $1 AND use_id = $2',
};

/** A grant that this transaction holds, before a use of it. */
export interface LockedForUse extends Locked<RecordedGrant> {
  /** Whether this very use was counted before. */
  readonly isCounted: boolean;
}

/** Takes the grant's row for a use of it; undefined when there is none. */
export async function lockGrantForUse(
  trx: Trx,
  grantId: string,
  useId: string,
): Promise<LockedForUse | undefined> {
  const counted = new Call(FIND_USE, [grantId, useId]);
  const found = await lockGrant(trx, grantId, counted);
  return found === undefined ? undefined : { ...found, isCounted: counted.rows.length > 0 };
}

const INSERT_USE: Statement = {
  name: 'insert_use',
  isRead: false,
  text: 'INSERT INTO grant_uses (grant_id, use_id, used_at) VALUES ($1, $2, $3)',
};

export interface Use {
  readonly useId: string;
  readonly usedAt: Date;
  /** Before this one. */
  readonly usesLeft: number;
}

/** Counts one use of a locked grant that has some left. */
export async function countUse(trx: Trx, grantId: string, { useId, usedAt, usesLeft }: Use): Promise<void> {
  await sendLater(trx, new Call(INSERT_USE, [grantId, useId, usedAt]));
  await changeGrant(trx, COUNT_USE, [grantId, usesLeft]);
}

const NOTE_USES: Statement = {
  name: 'note_uses',
  isRead: false,
  text: `
    UPDATE grants SET last_used_at = greatest(grants.last_used_at, least(used.at, clock_timestamp()))
    FROM unnest($1::uuid[], $2::timestamptz[]) AS used (id, at)
    WHERE grants.id = used.id AND grants.state <> 'ENDED' AND grants.idle_ms IS NOT NULL
      AND (grants.state = 'CLAIMABLE' OR clock_timestamp() <
        greatest(grants.starts_at, grants.last_used_at) + (grants.idle_ms + ${IDLE_GRACE_MS}) * interval '1 millisecond')`,
};

/**
 * Writes when grants were last used, where that matters; a use cannot lie ahead, and brings back none that has lain unused for too long.
 * No transition: it is in no ledger.
 */
export async function noteUses(
  executor: Database | Trx,
  uses: readonly { readonly grantId: string; readonly usedAt: Date }[],
): Promise<void> {
  // In the order of ids, as others lock several.
  const sorted = uses.toSorted((a, b) => (a.grantId < b.grantId ? -1 : 1));
  const values = [sorted.map(({ grantId }) => grantId), sorted.map(({ usedAt }) => usedAt)];
  await guarded(() => send(executor, new Call(NOTE_USES, values)));
}
