import { type Entity, type EntityUid, uidKey } from '../access/entity.ts';
import { entityToJson } from '../access/entity-json.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import type { Basis } from './append.ts';
import type { Trx } from './transition.ts';

/** Writes entities whole; a deleted one comes back only when the caller has checked that it may. */
export async function writeEntities(trx: Trx, entities: readonly Entity[]): Promise<void> {
  await trx
    .insertInto('entities')
    .values(
      entities.map((entity) => ({
        uid: uidKey(entity.uid),
        type: entity.uid.type,
        id: entity.uid.id,
        body: JSON.stringify(entityToJson(entity)),
        deleted_at: null,
      })),
    )
    .onConflict((conflict) =>
      conflict.column('uid').doUpdateSet((set) => ({ body: set.ref('excluded.body'), deleted_at: null })),
    )
    .execute();
}

/** Which of these were deleted before. */
export async function deletedAmong(trx: Trx, uids: readonly EntityUid[]): Promise<readonly string[]> {
  const rows = await trx
    .selectFrom('entities')
    .select('uid')
    .where('uid', 'in', uids.map(uidKey))
    .where('deleted_at', 'is not', null)
    .execute();
  return rows.map((row) => row.uid);
}

/** Marks entities as deleted; their rows stay, so that their ids are known. */
export async function deleteEntities(trx: Trx, uids: readonly EntityUid[], at: Date): Promise<void> {
  await trx
    .updateTable('entities')
    .set({ deleted_at: at })
    .where('uid', 'in', uids.map(uidKey))
    .where('deleted_at', 'is', null)
    .execute();
}

/** The last revision that changed directory or policies, and of which history. @throws AccessError */
export async function readBasis(database: Database): Promise<Basis> {
  const row = await guarded(() =>
    database.selectFrom('ledger_head').select(['basis_revision', 'epoch']).executeTakeFirstOrThrow(),
  );
  return { revision: row.basis_revision, epoch: row.epoch };
}
