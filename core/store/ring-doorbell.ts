import { sql } from 'kysely';
import type { Database } from './connect.ts';

/** Listeners take what they hear within so many milliseconds for one bell anyway. */
const APART_MS = 5;

/** Pools whose bell has just been rung, and whether somebody has wanted it again since. */
const ringing = new WeakMap<Database, { isWantedAgain: boolean }>();

/**
 * Tells followers that the ledger has grown: at once, but a few times at the same moment are one. Not inside the transaction, where
 * NOTIFY would serialize commits; followers poll anyway, so a lost bell costs at most one interval.
 */
export function ringDoorbell(database: Database): void {
  const before = ringing.get(database);
  if (before !== undefined) {
    before.isWantedAgain = true;
    return;
  }
  const state = { isWantedAgain: false };
  ringing.set(database, state);
  sql`SELECT pg_notify('curfew_ledger', '')`.execute(database).catch(() => undefined);
  const quiet = setTimeout(() => {
    ringing.delete(database);
    if (state.isWantedAgain) ringDoorbell(database);
  }, APART_MS);
  quiet.unref();
}
