import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import type { Database } from '../../core/store/connect.ts';
import { findKey, type Made } from '../../core/store/idempotency.ts';
import type { Trx } from '../../core/store/transition.ts';

/** An idempotency key with what it stands for. */
export interface CallKey {
  readonly key: string;
  /** SHA-256 of the call's body. */
  readonly bodyHash: Uint8Array;
}

/** What the caller made by the same call with this key. @throws AccessError IDEMPOTENCY_KEY_REUSED */
export async function findMade(
  reader: Database | Trx,
  caller: EntityUid,
  kind: Made['kind'],
  { key, bodyHash }: CallKey,
): Promise<Made | undefined> {
  const used = await findKey(reader, uidKey(caller), key);
  if (used === undefined) return undefined;
  const { made } = used;
  if (made.kind === kind && Buffer.compare(used.bodyHash, bodyHash) === 0) return made;
  throw new AccessError(
    'IDEMPOTENCY_KEY_REUSED',
    `idempotency_key: ${JSON.stringify(key)} stands for another ${made.kind} of yours; use a new key for a new ${kind}`,
    { metadata: { [`${made.kind}_id`]: made.id } },
  );
}
