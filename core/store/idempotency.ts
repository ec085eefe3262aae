import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { Call, send, type Statement } from './statement.ts';
import type { Trx } from './transition.ts';

/** What a call came to. */
export interface Made {
  readonly kind: 'request' | 'lock';
  readonly id: string;
  /** Whether it was there before the call. */
  readonly isExisting: boolean;
}

/** What an idempotency key of a caller stands for. */
export interface UsedKey {
  readonly bodyHash: Uint8Array;
  readonly made: Made;
}

const FIND_KEY: Statement = {
  name: 'find_key',
  isRead: true,
  text: 'SELECT body_hash, request_id, lock_id, is_existing FROM idempotency_keys WHERE caller = $1 AND key = $2',
};

interface KeyRow {
  readonly body_hash: Buffer;
  readonly request_id: string | null;
  readonly lock_id: string | null;
  readonly is_existing: boolean;
}

/** What the key was used for before; undefined when it is new. @throws AccessError */
export async function findKey(
  reader: Database | Trx,
  caller: string,
  key: string,
): Promise<UsedKey | undefined> {
  const found = new Call<KeyRow>(FIND_KEY, [caller, key]);
  await guarded(() => send(reader, found));
  const [row] = found.rows;
  return row === undefined ? undefined : { bodyHash: row.body_hash, made: madeOf(row) };
}

function madeOf({ request_id: requestId, lock_id: lockId, is_existing: isExisting }: KeyRow): Made {
  return lockId === null
    ? { kind: 'request', id: requestId ?? '', isExisting }
    : { kind: 'lock', id: lockId, isExisting };
}

const TAKE_KEY: Statement = {
  name: 'take_key',
  isRead: false,
  text: `
    INSERT INTO idempotency_keys (caller, key, body_hash, request_id, lock_id, is_existing) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (caller, key) DO NOTHING RETURNING 1`,
};

/**
 * Takes the key for what this transaction made.
 * @returns false when another call has taken it at the same moment; the transaction must then be given up
 */
export async function takeKey(
  trx: Trx,
  {
    caller,
    key,
    bodyHash,
    made: { kind, id, isExisting },
  }: { readonly caller: string; readonly key: string } & UsedKey,
): Promise<boolean> {
  const [requestId, lockId] = kind === 'request' ? [id, null] : [null, id];
  const taken = new Call(TAKE_KEY, [caller, key, Buffer.from(bodyHash), requestId, lockId, isExisting]);
  await send(trx, taken);
  return taken.rows.length === 1;
}
