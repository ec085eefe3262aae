import { sql } from 'kysely';
import { AccessError } from '../access/access-error.ts';
import type { Entity } from '../access/entity.ts';
import { parseEntities } from '../access/entity-json.ts';
import type { LedgerEvent } from '../access/event.ts';
import type { GrantTable } from '../access/grant-table.ts';
import type { Lock } from '../access/lock.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { fromLedgerRow } from './ledger-row.ts';
import { readLiveGrants } from './live-grants.ts';
import { readLocks } from './locks.ts';
import { pagesOf } from './pages.ts';
import { readPolicySet, type StoredFiles } from './policy-sets.ts';
import type { Trx } from './transition.ts';

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
  readonly grants: GrantTable;
  readonly entities: readonly Entity[];
  /** Those that held. */
  readonly locks: readonly Lock[];
  /** The policy set in force, if there is one yet. */
  readonly policyDigest: string | undefined;
}

/** What a look at the ledger beyond a position found. */
export interface Poll {
  readonly epoch: string;
  /** A standby lags and must not be followed. */
  readonly isStandby: boolean;
  readonly databaseAt: Date;
  /** Where the ledger ends, and the hash that its last row must have. */
  readonly headRevision: bigint;
  readonly headHash: Buffer;
  /** The hash of the row at the position now; undefined when it is gone. */
  readonly hashAtCursor: Buffer | undefined;
  /** The first beyond the position, at most `limit`. */
  readonly events: readonly PlacedEvent[];
}

/** Before the first row. */
export const GENESIS_HASH = Buffer.alloc(32);

/** Told of the policy set in force, before the rest of a snapshot is read. */
export type OnPolicySet = (digest: string, files: StoredFiles) => void;

/**
 * Reads head, policy set, live grants, directory and locks as of one revision.
 * @param onPolicySet so that the set can be loaded while the rest is read; the snapshot may still fail
 * @throws AccessError DATABASE_UNAVAILABLE, also when the database is a standby
 */
export function readSnapshot(database: Database, onPolicySet?: OnPolicySet): Promise<Snapshot> {
  return guarded(() =>
    database
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (trx) => {
        const head = await trx
          .selectFrom('ledger_head')
          .selectAll()
          .select(sql<boolean>`pg_is_in_recovery()`.as('is_standby'))
          .executeTakeFirstOrThrow();
        if (head.is_standby)
          throw new AccessError(
            'DATABASE_UNAVAILABLE',
            'the database is a standby, which may lag: connect to the writer',
          );
        const policyDigest = await readPolicyDigest(trx);
        if (policyDigest !== undefined && onPolicySet !== undefined) {
          const files = await readPolicySet(trx, policyDigest);
          if (files !== undefined) onPolicySet(policyDigest, files);
        }
        return {
          epoch: head.epoch,
          revision: head.revision,
          hash: head.hash,
          basisRevision: head.basis_revision,
          grants: await readLiveGrants(trx),
          entities: await readDirectory(trx),
          locks: await readLocks(trx),
          policyDigest,
        };
      }),
  );
}

async function readDirectory(trx: Trx): Promise<readonly Entity[]> {
  const entities: Entity[] = [];
  const query = sql<{
    readonly body: string;
  }>`SELECT body FROM entities WHERE deleted_at IS NULL ORDER BY uid`;
  for await (const rows of pagesOf(trx, query))
    entities.push(...parseEntities(`[${rows.map(({ body }) => body).join(',')}]`));
  return entities;
}

async function readPolicyDigest(trx: Trx): Promise<string | undefined> {
  const activation = await trx
    .selectFrom('ledger')
    .select('body')
    .where('kind', '=', 'POLICY_ACTIVATED')
    .orderBy('revision', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (activation === undefined) return undefined;
  const event = fromLedgerRow(activation.body, undefined);
  return event.kind === 'POLICY_ACTIVATED' ? event.digest : undefined;
}

/** Reads what is beyond the cursor, with the proof that the row at the cursor is still ours. One statement. @throws AccessError */
export async function pollLedger(database: Database, cursor: bigint, limit: number): Promise<Poll> {
  const { rows } = await guarded(() =>
    sql<PollRow>`
      SELECT state.*, event.*
      FROM (
        SELECT epoch, revision AS head_revision, hash AS head_hash,
          pg_is_in_recovery() AS is_standby, clock_timestamp() AS database_at,
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
    headRevision: first.head_revision,
    headHash: first.head_hash,
    hashAtCursor: cursor === 0n ? GENESIS_HASH : (first.hash_at_cursor ?? undefined),
    events: rows.flatMap(placedEvent),
  };
}

interface PollRow {
  readonly epoch: string;
  readonly is_standby: boolean;
  readonly database_at: Date;
  readonly head_revision: bigint;
  readonly head_hash: Buffer;
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
