import { sql } from 'kysely';
import { uidKey } from '../access/entity.ts';
import type { Verdict } from '../access/event.ts';
import type { Grant } from '../access/grant.ts';
import type { EntityUid } from '../access/entity.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { Call, send, sendLater, type Statement } from './statement.ts';
import type { Trx } from './transition.ts';

const INSERT_OWED: Statement = {
  name: 'insert_owed_review',
  isRead: false,
  text: `
    INSERT INTO owed_reviews (grant_id, request_id, item, requester, subject, step, due_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)`,
};

/** Writes that a grant owes a review. */
export async function insertOwedReview(
  trx: Trx,
  grant: Grant,
  { step, dueAt }: { readonly step: string; readonly dueAt: Date },
): Promise<void> {
  const { id, requestId, item, requester, subject } = grant;
  const values = [id, requestId, item, uidKey(requester), uidKey(subject), step, dueAt];
  await sendLater(trx, new Call(INSERT_OWED, values));
}

const FIND_OVERDUE: Statement = {
  name: 'find_overdue',
  isRead: true,
  text: `
    SELECT 1 FROM owed_reviews WHERE subject = ANY($1::text[]) AND settled_at IS NULL AND due_at <= clock_timestamp() LIMIT 1`,
};

/** Whether one of the subjects owes a review that is overdue. @throws AccessError */
export async function owesOverdueReview(
  reader: Database | Trx,
  subjects: readonly EntityUid[],
): Promise<boolean> {
  const found = new Call(FIND_OVERDUE, [subjects.map(uidKey)]);
  await guarded(() => send(reader, found));
  return found.rows.length > 0;
}

/** A grant that somebody has yet to look at. */
export interface OwedReview {
  readonly grantId: string;
  readonly requestId: string;
  readonly item: number;
  readonly step: string;
  readonly dueAt: Date;
}

const OWED_OF_REQUEST: Statement = {
  name: 'owed_of_request',
  isRead: true,
  text: `
    SELECT grant_id, request_id, item, step, due_at FROM owed_reviews
    WHERE request_id = $1 AND settled_at IS NULL ORDER BY item`,
};

interface OwedRow {
  readonly grant_id: string;
  readonly request_id: string;
  readonly item: number;
  readonly step: string;
  readonly due_at: Date;
}

/** What the grants of a request owe still. @throws AccessError */
export async function owedOfRequest(
  reader: Database | Trx,
  requestId: string,
): Promise<readonly OwedReview[]> {
  const found = new Call<OwedRow>(OWED_OF_REQUEST, [requestId]);
  await guarded(() => send(reader, found));
  return found.rows.map(toOwed);
}

/** Of which due time and grant the page before ended. */
export interface OwedPosition {
  readonly dueAt: Date;
  readonly grantId: string;
}

/** What is owed still, by due time, at most `size` beyond the position. @throws AccessError */
export async function listOwed(
  database: Database,
  { after, size }: { readonly after: OwedPosition | undefined; readonly size: number },
): Promise<readonly OwedReview[]> {
  const rows = await guarded(() =>
    database
      .selectFrom('owed_reviews')
      .select(['grant_id', 'request_id', 'item', 'step', 'due_at'])
      .where('settled_at', 'is', null)
      .$if(after !== undefined, (query) =>
        query.where(sql<boolean>`(due_at, grant_id) > (${after?.dueAt ?? null}, ${after?.grantId ?? null})`),
      )
      .orderBy('due_at')
      .orderBy('grant_id')
      .limit(size)
      .execute(),
  );
  return rows.map(toOwed);
}

function toOwed(row: OwedRow): OwedReview {
  return {
    grantId: row.grant_id,
    requestId: row.request_id,
    item: row.item,
    step: row.step,
    dueAt: row.due_at,
  };
}

const SETTLE_OWED: Statement = {
  name: 'settle_owed_review',
  isRead: false,
  text: `
    WITH changed AS (
      UPDATE owed_reviews SET settled_at = $2, reviewer = $3, verdict = $4, comment = $5
      WHERE grant_id = $1 AND settled_at IS NULL RETURNING 1
    )
    SELECT 1 / count(*) FROM changed`,
};

/** What somebody found who looked. */
export interface Settlement {
  readonly reviewer: EntityUid;
  readonly verdict: Verdict;
  readonly comment: string;
  readonly at: Date;
}

/** Writes that an owed review was done; when it had been, the transaction fails. The caller holds the request's row. */
export async function settleOwed(trx: Trx, grantId: string, settlement: Settlement): Promise<void> {
  const { at, reviewer, verdict, comment } = settlement;
  const wasNot = (): Error => new Error(`grant ${grantId} owed no review`);
  await sendLater(trx, new Call(SETTLE_OWED, [grantId, at, uidKey(reviewer), verdict, comment], wasNot));
}
