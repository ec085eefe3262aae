import { sql } from 'kysely';
import { type EntityUid, parseUidKey } from '../access/entity.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { Call, type Statement } from './statement.ts';

/** Whether one of the parties lately approved what one of these accounts asked for or was to get. Keys of entities throughout. */
export interface InReturn {
  /** All accounts of requester and subject. */
  readonly parties: readonly string[];
  /** All accounts of the reviewer. */
  readonly reviewer: readonly string[];
  readonly withinMs: number;
}

const RECENT = `
  SELECT FROM reviews
  WHERE verdict = 'APPROVE' AND withdrawn_at IS NULL AND reviewer = ANY($1::text[])
    AND (requester = ANY($2::text[]) OR subject = ANY($2::text[]))
    AND created_at > clock_timestamp() - $3::float8 * INTERVAL '1 millisecond'`;

const FIND: Statement = {
  name: 'find_approval_in_return',
  isRead: true,
  text: `SELECT EXISTS (${RECENT}) AS found`,
};

/** Looks for such an approval. */
export function findInReturnCall(asked: InReturn): Call<{ readonly found: boolean }> {
  return new Call<{ readonly found: boolean }>(FIND, parameters(asked));
}

/** Somebody who approved a request, and how long ago they last did. */
export interface RecentApprover {
  readonly reviewer: EntityUid;
  readonly agoMs: number;
}

/** Who approved, within that time, what one of these accounts asked for or was to get. @throws AccessError */
export async function readRecentApprovers(
  database: Database,
  accounts: readonly string[],
  withinMs: number,
): Promise<readonly RecentApprover[]> {
  const { rows } = await guarded(() =>
    sql<{ readonly reviewer: string; readonly ago_ms: number }>`
      SELECT reviewer, (extract(epoch FROM statement_timestamp() - max(created_at)) * 1000)::float8 AS ago_ms FROM reviews
      WHERE verdict = 'APPROVE' AND withdrawn_at IS NULL
        AND (requester = ANY(${accounts}::text[]) OR subject = ANY(${accounts}::text[]))
        AND created_at > statement_timestamp() - ${withinMs}::float8 * INTERVAL '1 millisecond'
      GROUP BY reviewer`.execute(database),
  );
  return rows.map((row) => ({ reviewer: parseUidKey(row.reviewer), agoMs: row.ago_ms }));
}

const REFUSE: Statement = {
  name: 'refuse_approval_in_return',
  isRead: true,
  text: `SELECT 1 / count(*) FROM (SELECT) AS one WHERE NOT EXISTS (${RECENT})`,
};

/** Fails the transaction when there is one by now. To be sent after the append: who holds the head sees all votes before. */
export function refuseInReturnCall(asked: InReturn, whenFound: () => Error): Call {
  return new Call(REFUSE, parameters(asked), whenFound);
}

function parameters({ parties, reviewer, withinMs }: InReturn): readonly unknown[] {
  return [parties, reviewer, withinMs];
}
