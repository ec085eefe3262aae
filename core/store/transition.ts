import type { Transaction } from 'kysely';
import { AccessError } from '../access/access-error.ts';
import type { LedgerEvent } from '../access/event.ts';
import { appendOf, type Basis, lastOf } from './append.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { toLedgerRow } from './ledger-row.ts';
import { ringDoorbell } from './ring-doorbell.ts';
import type { DB } from './schema.ts';
import { Call, send, sendLater, type Statement } from './statement.ts';

export type Trx = Transaction<DB>;

/** A row that this transaction holds, and the database's clock read after it had it. */
export interface Locked<T> {
  readonly row: T;
  readonly now: Date;
}

/** What a transition did: the events to append, in order, and what to hand back. */
export interface Outcome<T> {
  readonly events: readonly LedgerEvent[];
  readonly result: T;
  /**
   * Looks once more when the head is held: what others committed until then is seen now, and what they commit later comes after these
   * events. Throws to give the transition up.
   */
  readonly confirm?: () => Promise<void>;
  /** Statements that look once more in the same way, but go out with append and commit: they fail the transaction by themselves. */
  readonly guards?: readonly Call[];
}

export interface Transitioned<T> {
  readonly result: T;
  /** The revision of the last event; 0 when there was none. */
  readonly revision: bigint;
  /** What was appended. */
  readonly events: readonly LedgerEvent[];
}

/**
 * Runs one transition: `work` locks its rows, checks their state and writes; then, last of all, its events are appended. All or
 * nothing.
 * @param basis what `work` decides on; a number alone is a revision of whatever history there is
 * @throws BasisChanged when directory or policies have changed since, or the history is another; nothing is written
 * @throws AccessError what `work` threw, CONFLICT, DATABASE_UNAVAILABLE
 */
export async function transition<T>(
  database: Database,
  basis: Basis | bigint,
  work: (trx: Trx) => Promise<Outcome<T>>,
): Promise<Transitioned<T>> {
  const done = await guarded(() =>
    database
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (trx) => {
        const { confirm, guards = [], ...outcome } = await work(trx);
        const appending =
          outcome.events.length === 0 ? undefined : appendOf(basis, outcome.events.map(toLedgerRow));
        if (confirm === undefined) {
          // The commit goes out with it: the head is held for no longer than the database itself needs.
          if (appending !== undefined) await sendLater(trx, appending, ...guards);
        } else {
          if (appending !== undefined) await send(trx, appending, ...guards);
          await confirm();
        }
        return { ...outcome, appending };
      }),
  );
  const { result, events, appending } = done;
  if (appending === undefined) return { result, events, revision: 0n };
  ringDoorbell(database);
  return { result, events, revision: lastOf(appending) };
}

/** Whole milliseconds. */
const CLOCK: Statement = {
  name: 'clock',
  isRead: true,
  text: `SELECT date_trunc('milliseconds', clock_timestamp()) AS now`,
};

/** Reads the database's clock. `now()` would be the transaction's start, before the locks were had. */
export type ClockCall = Call<{ readonly now: Date }>;

export function clockCall(): ClockCall {
  return new Call(CLOCK, []);
}

/** What the clock showed. */
export function nowOf(clock: ClockCall): Date {
  const [row] = clock.rows;
  if (row === undefined) throw new AccessError('INTERNAL', 'the database has no clock');
  return row.now;
}

/** The database's clock, read now. */
export async function readClock(trx: Trx): Promise<Date> {
  const clock = clockCall();
  await send(trx, clock);
  return nowOf(clock);
}
