import { GRANT_MOVES } from '../access/states.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { changeGrant, guardedChange } from './grant-changes.ts';
import { NOT_IDLE } from './idle.ts';
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
  text: `
    SELECT used.grant_id
    FROM grant_uses used JOIN grants its ON its.id = used.grant_id JOIN grants asked ON asked.id = $1
    WHERE used.use_id = $2 AND (used.grant_id = $1 OR used.grant_id = ANY ($3::uuid[]))
      AND its.subject = asked.subject
    ORDER BY used.grant_id <> $1, used.used_at LIMIT 1`,
};
const LOCK_FOR_USE: Statement = {
  name: 'lock_for_use',
  isRead: true,
  text: 'SELECT FROM grants WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE',
};

/** A use of one of a subject's grants. */
export interface UseOfOne {
  readonly grantId: string;
  readonly useId: string;
  /** The others that may have counted it. */
  readonly otherIds: readonly string[];
}

/** A grant that this transaction holds, before a use of it. */
export interface LockedForUse extends Locked<RecordedGrant> {
  /** Which of the grants counted this very use before: this one, when it did. */
  readonly countedBy: string | undefined;
}

/** Takes the grant's row for a use of it, and those of the others, so that none counts it meanwhile; undefined when there is none. */
export async function lockGrantForUse(
  trx: Trx,
  { grantId, useId, otherIds }: UseOfOne,
): Promise<LockedForUse | undefined> {
  if (otherIds.length > 0) await sendLater(trx, new Call(LOCK_FOR_USE, [[grantId, ...otherIds]]));
  const counted = new Call<{ readonly grant_id: string }>(FIND_USE, [grantId, useId, otherIds]);
  const found = await lockGrant(trx, grantId, counted);
  return found === undefined ? undefined : { ...found, countedBy: counted.rows[0]?.grant_id };
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
      AND ${NOT_IDLE}`,
};

/**
 * Writes when grants were last used, where that matters; a use cannot lie ahead, nor bring back what has lain unused for too long. No
 * transition: it is in no ledger.
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
