import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { Call, send, type Statement } from './statement.ts';
import type { Trx } from './transition.ts';

/** What an idempotency key of a caller stands for. */
export interface UsedKey {
  readonly bodyHash: Uint8Array;
  readonly requestId: string;
}

const FIND_KEY: Statement = {
  name: 'find_key',
  isRead: true,
  text: 'SELECT body_hash, request_id FROM idempotency_keys WHERE caller = $1 AND key = $2',
};

interface KeyRow {
  readonly body_hash: Buffer;
  readonly request_id: string;
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
  return row === undefined ? undefined : { bodyHash: row.body_hash, requestId: row.request_id };
}

const TAKE_KEY: Statement = {
  name: 'take_key',
  isRead: false,
  text: `
    INSERT INTO idempotency_keys (caller, key, body_hash, request_id) VALUES ($1, $2, $3, $4)
    ON CONFLICT (caller, key) DO NOTHING RETURNING 1`,
};

/**
 * Takes the key for this request.
 * @returns false when another call has taken it at the same moment; the transaction must then be given up
 */
export async function takeKey(
  trx: Trx,
  { caller, key, bodyHash, requestId }: { readonly caller: string; readonly key: string } & UsedKey,
): Promise<boolean> {
  const taken = new Call(TAKE_KEY, [caller, key, Buffer.from(bodyHash), requestId]);
  await send(trx, taken);
  return taken.rows.length === 1;
}
