import { sql } from 'kysely';
import { type EntityUid, parseUidKey } from '../access/entity.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';

/** Two accounts, and how many requests of each other they approved. */
export interface ApprovalPair {
  /** Who approved more of the two. */
  readonly approver: EntityUid;
  readonly approved: EntityUid;
  readonly approvals: number;
  readonly approvalsInReturn: number;
  readonly lastAt: Date;
}

/**
 * Pairs by how often each approved the other's requests, those who did so both ways first; what was taken back does not count.
 * @param page how far back to look by the database's clock, and which pairs in that order
 * @throws AccessError
 */
export async function countApprovalPairs(
  database: Database,
  page: { readonly withinMs: number; readonly offset: number; readonly size: number },
): Promise<readonly ApprovalPair[]> {
  const { rows } = await guarded(() =>
    sql<
      Omit<ApprovalPair, 'approver' | 'approved'> & { readonly approver: string; readonly approved: string }
    >`
      WITH votes AS (
        SELECT request_id, reviewer, party, created_at FROM reviews CROSS JOIN LATERAL
          (SELECT requester AS party UNION SELECT subject) AS parties
        WHERE verdict = 'APPROVE' AND withdrawn_at IS NULL
          AND created_at >= statement_timestamp() - ${page.withinMs}::float8 * INTERVAL '1 millisecond'
      ), ways AS (
        SELECT reviewer, party, count(DISTINCT request_id)::int AS times, max(created_at) AS last_at
        FROM votes GROUP BY reviewer, party
      )
      SELECT one.reviewer AS approver, one.party AS approved, one.times AS approvals,
        coalesce(back.times, 0) AS "approvalsInReturn", greatest(one.last_at, back.last_at) AS "lastAt"
      FROM ways AS one LEFT JOIN ways AS back ON back.reviewer = one.party AND back.party = one.reviewer
      WHERE back.times IS NULL OR (one.times, back.reviewer) > (back.times, one.reviewer)
      ORDER BY "approvalsInReturn" DESC, approvals DESC, approver, approved
      LIMIT ${page.size} OFFSET ${page.offset}`.execute(database),
  );
  return rows.map((row) => ({
    ...row,
    approver: parseUidKey(row.approver),
    approved: parseUidKey(row.approved),
  }));
}
