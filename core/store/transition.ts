import { sql, type Transaction } from 'kysely';
import { AccessError } from '../access/access-error.ts';
import { changesBasis, type LedgerEvent } from '../access/event.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { type LedgerRow, toLedgerRow } from './ledger-row.ts';
import type { DB } from './schema.ts';

export type Trx = Transaction<DB>;

/** What a transition did: the events to append, in order, and what to hand back. */
export interface Outcome<T> {
  readonly events: readonly LedgerEvent[];
  readonly result: T;
  /**
   * Looks once more when the head is held: what others committed until then is seen now, and what they commit later comes after these
   * events. Throws to give the transition up.
   */
  readonly confirm?: () => Promise<void>;
}

export interface Transitioned<T> {
  readonly result: T;
  /** The revision of the last event; 0 when there was none. */
  readonly revision: bigint;
  /** What was appended. */
  readonly events: readonly LedgerEvent[];
}

/** What a transition is decided on. */
export interface Basis {
  /** The revision of the directory and policies. */
  readonly revision: bigint;
  /** Names the history that the revision is of: after a restore the same number is another directory. */
  readonly epoch: string;
}

/** The directory or the policies changed after the revision that a transition was decided on. Decide again on a newer basis. */
export class BasisChanged extends Error {
  override readonly name = 'BasisChanged';
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
        const { events, result, confirm } = await work(trx);
        const revision = events.length === 0 ? 0n : await append(trx, basis, events.map(toLedgerRow));
        await confirm?.();
        return { result, revision, events };
      }),
  );
  if (done.revision > 0n) ringDoorbell(database);
  return done;
}

/** The database's clock, read now: `now()` would be the transaction's start, before the locks were had. */
export async function readClock(trx: Trx): Promise<Date> {
  const { rows } = await sql<{
    now: Date;
  }>`SELECT date_trunc('milliseconds', clock_timestamp()) AS now`.execute(trx);
  const row = rows[0];
  if (row === undefined) throw new AccessError('INTERNAL', 'the database has no clock');
  return row.now;
}

/** Less than others wait for a lock: who stands still between append and commit holds up everybody, but makes nobody fail. */
const HEAD_IDLE = '1500ms';

/**
 * One statement takes the head row, moves it on and writes the rows chained to it, so that revisions are dense and in the order of
 * commit, and the head is locked for one round trip only.
 * @returns the revision of the last row
 */
async function append(trx: Trx, basis: Basis | bigint, rows: readonly LedgerRow[]): Promise<bigint> {
  const { revision: basisRevision, epoch } =
    typeof basis === 'bigint' ? { revision: basis, epoch: null } : basis;
  const leaves = rows.map((row) => row.leaf);
  const newBasis = rows.findLastIndex((row) => changesBasis(row.event.kind)) + 1;
  const { rows: appended } = await sql<{ last: bigint }>`
    WITH RECURSIVE head AS (
      SELECT revision, hash FROM ledger_head
      WHERE basis_revision <= ${basisRevision} AND epoch = COALESCE(${epoch}::uuid, epoch) FOR UPDATE
    ),
    link (i, previous_hash, hash) AS (
      SELECT 0, hash, hash FROM head
      UNION ALL
      SELECT i + 1, link.hash, sha256('\\x01'::bytea || link.hash || (${leaves}::bytea[])[i + 1]) FROM link WHERE i < ${rows.length}
    ),
    moved AS (
      UPDATE ledger_head SET
        revision = head.revision + ${rows.length},
        basis_revision = CASE WHEN ${newBasis}::int > 0 THEN head.revision + ${newBasis} ELSE basis_revision END,
        hash = link.hash
      FROM head, link WHERE link.i = ${rows.length}
    ),
    written AS (
      INSERT INTO ledger (revision, at, kind, actor, request_id, grant_id, body, previous_hash, hash)
      SELECT head.revision + link.i, event.at, event.kind, event.actor, event.request_id, event.grant_id, event.body,
        link.previous_hash, link.hash
      FROM head, link JOIN ${eventTable(rows)} ON event.i = link.i
      RETURNING revision
    ),
    texts AS (
      INSERT INTO ledger_text (revision, salt, text)
      SELECT head.revision + event.i, event.salt, event.text FROM head, ${eventTable(rows)} WHERE event.text IS NOT NULL
    )
    SELECT max(revision) AS last, set_config('idle_in_transaction_session_timeout', ${HEAD_IDLE}, true) FROM written`.execute(
    trx,
  );
  const last = appended[0]?.last;
  if (last === undefined || last === null) throw new BasisChanged('directory or policies changed meanwhile');
  return last;
}

function eventTable(rows: readonly LedgerRow[]) {
  const events = rows.map((row) => row.event);
  return sql`unnest(
    ${events.map((event) => event.at)}::timestamptz[],
    ${events.map((event) => event.kind)}::text[],
    ${events.map((event) => event.actor)}::text[],
    ${events.map((event) => ('requestId' in event ? event.requestId : null))}::uuid[],
    ${events.map((event) => ('grantId' in event ? event.grantId : null))}::uuid[],
    ${rows.map((row) => row.body)}::text[],
    ${rows.map((row) => row.text?.salt ?? null)}::bytea[],
    ${rows.map((row) => row.text?.text ?? null)}::text[]
  ) WITH ORDINALITY AS event (at, kind, actor, request_id, grant_id, body, salt, text, i)`;
}

/** NOTIFY inside the transaction would serialize commits; followers poll anyway, so a lost bell costs at most one interval. */
function ringDoorbell(database: Database): void {
  sql`SELECT pg_notify('curfew_ledger', '')`.execute(database).catch(() => undefined);
}
