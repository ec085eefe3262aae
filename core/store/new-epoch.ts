import { sql } from 'kysely';
import { type LedgerEvent, SYSTEM_ACTOR } from '../access/event.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { type Outcome, readClock, transition, type Trx } from './transition.ts';

/** Ended by one transaction. */
const BATCH = 500;
/** Whatever was decided before: the owner decides on nothing. */
const ANY_BASIS = 2n ** 63n - 1n;

/**
 * Makes a restored database a history of its own: whoever followed the one before starts again, and grants that were live when the
 * backup was made are ended, because nobody knows any more which of them were ended since. It can be run again.
 * @returns how many grants were ended
 * @throws AccessError DATABASE_UNAVAILABLE
 */
export async function startNewEpoch(owner: Database): Promise<number> {
  await guarded(() =>
    owner.updateTable('ledger_head').set({ epoch: sql<string>`gen_random_uuid()` }).execute(),
  );
  let ended = 0;
  for (;;) {
    const { result } = await transition(owner, ANY_BASIS, endSome);
    if (result === 0) return ended;
    ended += result;
  }
}

async function endSome(trx: Trx): Promise<Outcome<number>> {
  const now = await readClock(trx);
  const rows = await trx
    .selectFrom('grants')
    .select(['id', 'request_id', 'created_at'])
    .where('state', '<>', 'ENDED')
    .where('expires_at', '>', now)
    .orderBy('id')
    .limit(BATCH)
    .forUpdate()
    .execute();
  if (rows.length === 0) return { events: [], result: 0 };
  await trx
    .updateTable('grants')
    .set((set) => ({
      state: 'ENDED',
      end_reason: 'REVOKED',
      ended_at: set.fn<Date>('greatest', ['created_at', set.val(now)]),
    }))
    .where(
      'id',
      'in',
      rows.map((row) => row.id),
    )
    .execute();
  const events = rows.map(
    (row): LedgerEvent => ({
      kind: 'GRANT_ENDED',
      at: now,
      actor: SYSTEM_ACTOR,
      requestId: row.request_id,
      grantId: row.id,
      endReason: 'REVOKED',
      // A clock that was set back must not end a grant before it was there.
      endedAt: now < row.created_at ? row.created_at : now,
      text: 'the database was restored from a backup',
    }),
  );
  return { events, result: rows.length };
}
