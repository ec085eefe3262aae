import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import type { Trx } from './transition.ts';

/** What an idempotency key of a caller stands for. */
export interface UsedKey {
  readonly bodyHash: Uint8Array;
  readonly requestId: string;
}

/** What the key was used for before; undefined when it is new. @throws AccessError */
export async function findKey(
  reader: Database | Trx,
  caller: string,
  key: string,
): Promise<UsedKey | undefined> {
  const row = await guarded(() =>
    reader
      .selectFrom('idempotency_keys')
      .select(['body_hash', 'request_id'])
      .where('caller', '=', caller)
      .where('key', '=', key)
      .executeTakeFirst(),
  );
  return row === undefined ? undefined : { bodyHash: row.body_hash, requestId: row.request_id };
}

/**
 * Takes the key for this request.
 * @returns false when another call has taken it at the same moment; the transaction must then be given up
 */
export async function takeKey(
  trx: Trx,
  key: { readonly caller: string; readonly key: string } & UsedKey,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('idempotency_keys')
    .values({
      caller: key.caller,
      key: key.key,
      body_hash: Buffer.from(key.bodyHash),
      request_id: key.requestId,
    })
    .onConflict((conflict) => conflict.columns(['caller', 'key']).doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}
