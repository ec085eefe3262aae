import { type Entity, type EntityUid, uidKey } from '../access/entity.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import type { Basis } from './append.ts';
import { Call, send, sendLater, type Statement } from './statement.ts';
import type { Trx } from './transition.ts';

/** An entity and its JSON in Cedar's form. */
export interface WrittenEntity {
  readonly entity: Entity;
  readonly text: string;
}

const WRITE_ENTITIES: Statement = {
  name: 'write_entities',
  isRead: false,
  text: `
    INSERT INTO entities (uid, type, id, body, deleted_at)
    SELECT uid, type, id, body::text, NULL FROM
      ROWS FROM (unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), json_array_elements($4::json)) AS given (uid, type, id, body)
    ON CONFLICT (uid) DO UPDATE SET body = excluded.body, deleted_at = NULL`,
};

/** Writes entities whole; a deleted one comes back only when the caller has checked that it may. */
export async function writeEntities(trx: Trx, entities: readonly WrittenEntity[]): Promise<void> {
  const values = [
    entities.map(({ entity }) => uidKey(entity.uid)),
    entities.map(({ entity }) => entity.uid.type),
    entities.map(({ entity }) => entity.uid.id),
    // The members of a list of type json keep their texts, and a list of texts would have to be escaped.
    `[${entities.map(({ text }) => text).join(',')}]`,
  ];
  await sendLater(trx, new Call(WRITE_ENTITIES, values));
}

const DELETED_AMONG: Statement = {
  name: 'deleted_among',
  isRead: true,
  text: 'SELECT uid FROM entities WHERE uid = ANY($1::text[]) AND deleted_at IS NOT NULL',
};

/** Which of these were deleted before. */
export async function deletedAmong(trx: Trx, uids: readonly EntityUid[]): Promise<readonly string[]> {
  const call = new Call<{ readonly uid: string }>(DELETED_AMONG, [uids.map(uidKey)]);
  await send(trx, call);
  return call.rows.map((row) => row.uid);
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
