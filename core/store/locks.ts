import type { Selectable } from 'kysely';
import { sql } from 'kysely';
import { parseUidKey, uidKey } from '../access/entity.ts';
import type { Lift, Lock, LockTarget, RecordedLock } from '../access/lock.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import type { Locks } from './schema.ts';
import { Call, send, sendLater, type Statement } from './statement.ts';
import { clockCall, type Locked, nowOf, type Trx } from './transition.ts';

/** A lock at its place in lists. */
export interface PlacedLock {
  readonly lock: RecordedLock;
  readonly position: bigint;
}

const INSERT_LOCK: Statement = {
  name: 'insert_lock',
  isRead: false,
  text: `
    INSERT INTO locks (id, entity, grant_id, reason, created_by, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)`,
};

/** Writes a new lock. */
export async function insertLock(trx: Trx, lock: Lock): Promise<void> {
  const { target } = lock;
  const values = [
    lock.id,
    target.kind === 'entity' ? uidKey(target.uid) : null,
    target.kind === 'grant' ? target.grantId : null,
    lock.reason,
    uidKey(lock.createdBy),
    lock.createdAt,
    lock.expiresAt ?? null,
  ];
  await sendLater(trx, new Call(INSERT_LOCK, values));
}

const HOLD_LOCK: Statement = {
  name: 'hold_lock',
  isRead: true,
  text: `
    SELECT id, entity, grant_id, reason, created_by, created_at, expires_at, lifted_at, lifted_by, lift_reason, position
    FROM locks WHERE id = $1 FOR UPDATE`,
};

/** Takes the lock's row for this transaction; undefined when there is none. */
export async function holdLock(trx: Trx, id: string): Promise<Locked<RecordedLock> | undefined> {
  const rows = new Call<LockRow>(HOLD_LOCK, [id]);
  // A statement of its own: within one, the clock could be read before the row has been waited for.
  const clock = clockCall();
  await send(trx, rows, clock);
  const [row] = rows.rows;
  return row === undefined ? undefined : { row: recorded(row), now: nowOf(clock) };
}

const LIFT_LOCK: Statement = {
  name: 'lift_lock',
  isRead: false,
  text: `
    WITH changed AS (
      UPDATE locks SET lifted_at = $2, lifted_by = $3, lift_reason = $4 WHERE id = $1 AND lifted_at IS NULL RETURNING 1
    )
    SELECT 1 / count(*) FROM changed`,
};

/** Writes that a lock was lifted. The caller holds the row and has checked: when it was lifted before, the transaction fails. */
export async function liftLock(trx: Trx, id: string, { at, by, reason }: Lift): Promise<void> {
  const wasNot = (): Error => new Error(`lock ${id} was lifted before`);
  await sendLater(trx, new Call(LIFT_LOCK, [id, at, uidKey(by), reason], wasNot));
}

const MADE_LOCK: Statement = {
  name: 'made_lock',
  isRead: true,
  text: `
    SELECT id, entity, grant_id, reason, created_by, created_at, expires_at, lifted_at, lifted_by, lift_reason, position, (
      SELECT revision FROM ledger
      WHERE kind = 'LOCK_CREATED' AND at = created_at AND body::jsonb ->> 'lockId' = $1::text
    ) AS revision
    FROM locks WHERE id = $1::uuid`,
};

/** A lock as it is now, with the revision that made it; undefined when there is none. @throws AccessError */
export async function readMadeLock(
  database: Database,
  id: string,
): Promise<{ readonly lock: RecordedLock; readonly revision: bigint } | undefined> {
  const found = new Call<LockRow & { readonly revision: bigint }>(MADE_LOCK, [id]);
  await guarded(() => send(database, found));
  const [row] = found.rows;
  return row === undefined ? undefined : { lock: recorded(row), revision: row.revision };
}

export interface LockPage {
  /** Position of the last one of the page before. */
  readonly before: bigint | undefined;
  readonly size: number;
  /** Only those on one of these entities, by `uidKey`. */
  readonly entities: readonly string[] | undefined;
  /** Whether those that were lifted or whose time is up are wanted too. */
  readonly includesEnded: boolean;
}

/** Locks by position, newest first. @throws AccessError */
export async function listLocks(database: Database, page: LockPage): Promise<readonly PlacedLock[]> {
  const { before, entities, includesEnded } = page;
  const rows = await guarded(() =>
    database
      .selectFrom('locks')
      .selectAll()
      .$if(before !== undefined, (query) => query.where('position', '<', before ?? 0n))
      .$if(entities !== undefined, (query) => query.where('entity', 'in', entities ?? []))
      .$if(!includesEnded, (query) =>
        query
          .where('lifted_at', 'is', null)
          .where((where) =>
            where.or([
              where('expires_at', 'is', null),
              where('expires_at', '>', sql<Date>`clock_timestamp()`),
            ]),
          ),
      )
      .orderBy('position', 'desc')
      .limit(page.size)
      .execute(),
  );
  return rows.map((row) => ({ lock: recorded(row), position: row.position }));
}

/** All locks that held when the transaction began. */
export async function readLocks(trx: Trx): Promise<readonly Lock[]> {
  const rows = await trx
    .selectFrom('locks')
    .selectAll()
    .where('lifted_at', 'is', null)
    .where((where) =>
      where.or([
        where('expires_at', 'is', null),
        where('expires_at', '>', sql<Date>`transaction_timestamp()`),
      ]),
    )
    .orderBy('position')
    .execute();
  return rows.map(toLock);
}

type LockRow = Selectable<Locks>;

function recorded(row: LockRow): RecordedLock {
  const { lifted_at: at, lifted_by: by, lift_reason: reason } = row;
  const lifted =
    at === null || by === null || reason === null ? undefined : { at, by: parseUidKey(by), reason };
  return { ...toLock(row), lifted };
}

function toLock(row: LockRow): Lock {
  return {
    id: row.id,
    target: toTarget(row),
    reason: row.reason,
    createdBy: parseUidKey(row.created_by),
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
  };
}

function toTarget({ entity, grant_id: grantId }: LockRow): LockTarget {
  if (entity !== null) return { kind: 'entity', uid: parseUidKey(entity) };
  return grantId === null ? { kind: 'everything' } : { kind: 'grant', grantId };
}
