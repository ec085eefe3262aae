import { sql } from 'kysely';
import type { Entity } from '../access/entity.ts';
import { parseEntities } from '../access/entity-json.ts';
import type { LedgerEvent } from '../access/event.ts';
import type { Grant } from '../access/grant.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { toGrant } from './grant-row.ts';
import { fromLedgerRow } from './ledger-row.ts';

/** An event at its place in the ledger. */
export interface PlacedEvent {
  readonly revision: bigint;
  readonly hash: Buffer;
  readonly previousHash: Buffer;
  readonly event: LedgerEvent;
}

/** Everything a follower starts from, as of one revision. */
export interface Snapshot {
  readonly epoch: string;
  readonly revision: bigint;
  readonly hash: Buffer;
  readonly basisRevision: bigint;
  /** Those that had not ended. */
  readonly grants: readonly Grant[];
  readonly entities: readonly Entity[];
  /** The policy set in force, if there is one yet. */
  readonly policyDigest: string | undefined;
}

/** What a look at the ledger beyond a position found. */
export interface Poll {
  readonly epoch: string;
  /** A standby lags and must not be followed. */
  readonly isStandby: boolean;
  readonly databaseAt: Date;
  /** The hash of the row at the position now; undefined when it is gone. */
  readonly hashAtCursor: Buffer | undefined;
  /** In order, dense when the ledger is whole; at most `limit`. */
  readonly events: readonly PlacedEvent[];
}

/** Before the first row. */
export const GENESIS_HASH = Buffer.alloc(32);

/** Reads head, live grants, directory and policy set as of one revision. @throws AccessError */
export function readSnapshot(database: Database): Promise<Snapshot> {
  return guarded(() =>
    database
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (trx) => {
        const head = await trx.selectFrom('ledger_head').selectAll().executeTakeFirstOrThrow();
        const grants = await trx
          .selectFrom('grants')
          .selectAll()
          .where('state', '=', 'ACTIVE')
          .where('expires_at', '>', sql<Date>`clock_timestamp()`)
          .execute();
        const entities = await trx
          .selectFrom('entities')
          .select('body')
          .where('deleted_at', 'is', null)
          .orderBy('uid')
          .execute();
        const activation = await trx
          .selectFrom('ledger')
          .select('body')
          .where('kind', '=', 'POLICY_ACTIVATED')
          .orderBy('revision', 'desc')
          .limit(1)
          .executeTakeFirst();
        return {
          epoch: head.epoch,
          revision: head.revision,
          hash: head.hash,
          basisRevision: head.basis_revision,
          grants: grants.map(toGrant),
          entities: parseEntities(`[${entities.map((row) => row.body).join(',')}]`),
          policyDigest: activation === undefined ? undefined : digestOf(activation.body),
        };
      }),
  );
}

function digestOf(body: string): string | undefined {
  const event = fromLedgerRow(body, undefined);
  return event.kind === 'POLICY_ACTIVATED' ? event.digest : undefined;
}

/** Reads what is beyond the cursor, with the proof that the row at the cursor is still ours. One statement. @throws AccessError */
export async function pollLedger(database: Database, cursor: bigint, limit: number): Promise<Poll> {
  const { rows } = await guarded(() =>
    sql<PollRow>`
      SELECT state.*, event.*
      FROM (
        SELECT epoch, pg_is_in_recovery() AS is_standby, clock_timestamp() AS database_at,
          (SELECT hash FROM ledger WHERE revision = ${cursor}) AS hash_at_cursor
        FROM ledger_head
      ) AS state
      LEFT JOIN LATERAL (
        SELECT ledger.revision, ledger.hash, ledger.previous_hash, ledger.body, ledger_text.text
        FROM ledger LEFT JOIN ledger_text ON ledger_text.revision = ledger.revision
        WHERE ledger.revision > ${cursor} ORDER BY ledger.revision LIMIT ${limit}
      ) AS event ON true
      ORDER BY event.revision`.execute(database),
  );
  const first = rows[0];
  if (first === undefined) throw new Error('the ledger has no head row');
  return {
    epoch: first.epoch,
    isStandby: first.is_standby,
    databaseAt: first.database_at,
    hashAtCursor: cursor === 0n ? GENESIS_HASH : (first.hash_at_cursor ?? undefined),
    events: rows.flatMap(placedEvent),
  };
}

interface PollRow {
  readonly epoch: string;
  readonly is_standby: boolean;
  readonly database_at: Date;
  readonly hash_at_cursor: Buffer | null;
  readonly revision: bigint | null;
  readonly hash: Buffer | null;
  readonly previous_hash: Buffer | null;
  readonly body: string | null;
  readonly text: string | null;
}

function placedEvent(row: PollRow): PlacedEvent[] {
  const { revision, hash, previous_hash: previousHash, body } = row;
  if (revision === null || hash === null || previousHash === null || body === null) return [];
  return [{ revision, hash, previousHash, event: fromLedgerRow(body, row.text ?? undefined) }];
}
