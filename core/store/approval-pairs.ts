import { sql } from 'kysely';
import { type EntityUid, parseUidKey } from '../access/entity.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';

/** When approvals were cast. */
export interface Window {
  readonly withinMs: number;
  /** The end of that time, by the database's clock. */
  readonly until: Date;
}

/** Who approved and for whom, in a time. */
export interface ActiveAccounts {
  /** Keys of accounts. */
  readonly reviewers: readonly string[];
  readonly parties: readonly string[];
  readonly until: Date;
}

/** Whose approvals and requests there are. @param until now if undefined @throws AccessError */
export async function activeAccounts(
  database: Database,
  { withinMs, until }: Pick<Window, 'withinMs'> & { readonly until: Date | undefined },
): Promise<ActiveAccounts> {
  const { rows } = await guarded(() =>
    sql<ActiveAccounts>`
      WITH bounds AS (SELECT date_trunc('milliseconds', coalesce(${until ?? null}::timestamptz, statement_timestamp())) AS until),
      votes AS MATERIALIZED (
        SELECT reviewer, requester, subject FROM reviews, bounds
        WHERE verdict = 'APPROVE' AND withdrawn_at IS NULL AND created_at <= bounds.until
          AND created_at >= bounds.until - ${withinMs}::float8 * INTERVAL '1 millisecond'
      )
      SELECT until, ARRAY(SELECT DISTINCT reviewer FROM votes) AS reviewers,
        ARRAY(SELECT requester FROM votes UNION SELECT subject FROM votes) AS parties
      FROM bounds`.execute(database),
  );
  const [row] = rows;
  if (row === undefined) throw new Error('one row was selected and none came');
  return row;
}

/** For whom what an account does counts. Keys of accounts throughout. */
export interface Behind {
  readonly account: string;
  /** The account that stands for the person; of a service, itself, or that of somebody who answers for it. */
  readonly person: string;
  /** Whether it is their own; else a service of theirs. */
  readonly isOwn: boolean;
}

/** Two people, and how many requests of each other they approved. */
export interface ApprovalPair {
  /** Who approved more of the two. */
  readonly approver: EntityUid;
  readonly approved: EntityUid;
  readonly approvals: number;
  readonly approvalsInReturn: number;
  readonly lastAt: Date;
}

/**
 * Pairs by how often each approved the other's requests, those who did so both ways first; what was taken back does not count, and what
 * was approved for a service of somebody only where they approved in return.
 * @param page when, and which pairs in that order
 * @throws AccessError
 */
export async function countApprovalPairs(
  database: Database,
  behind: readonly Behind[],
  page: Window & { readonly offset: number; readonly size: number },
): Promise<readonly ApprovalPair[]> {
  const [accounts, people, own] = [
    behind.map(({ account }) => account),
    behind.map(({ person }) => person),
    behind.map(({ isOwn }) => isOwn),
  ];
  const { rows } = await guarded(() =>
    sql<
      Omit<ApprovalPair, 'approver' | 'approved'> & { readonly approver: string; readonly approved: string }
    >`
      WITH behind AS MATERIALIZED (
        SELECT * FROM unnest(${accounts}::text[], ${people}::text[], ${own}::boolean[]) AS behind (account, person, is_own)
      ), votes AS (
        SELECT request_id, by.person AS reviewer, of.person AS party, of.is_own, created_at
        FROM reviews CROSS JOIN LATERAL (SELECT requester AS account UNION SELECT subject) AS parties
        JOIN behind AS by ON by.account = reviewer AND by.is_own
        JOIN behind AS of ON of.account = parties.account
        WHERE verdict = 'APPROVE' AND withdrawn_at IS NULL AND by.person <> of.person AND created_at <= ${page.until}
          AND created_at >= ${page.until}::timestamptz - ${page.withinMs}::float8 * INTERVAL '1 millisecond'
      ), ways AS (
        SELECT reviewer, party, bool_or(is_own) AS is_own, count(DISTINCT request_id)::int AS times, max(created_at) AS last_at
        FROM votes GROUP BY reviewer, party
      )
      SELECT one.reviewer AS approver, one.party AS approved, one.times AS approvals,
        coalesce(back.times, 0) AS "approvalsInReturn", greatest(one.last_at, back.last_at) AS "lastAt"
      FROM ways AS one LEFT JOIN ways AS back ON back.reviewer = one.party AND back.party = one.reviewer
      WHERE (back.times IS NULL AND one.is_own) OR (one.times, back.reviewer) > (back.times, one.reviewer)
      ORDER BY "approvalsInReturn" DESC, approvals DESC, approver, approved
      LIMIT ${page.size} OFFSET ${page.offset}`.execute(database),
  );
  return rows.map((row) => ({
    ...row,
    approver: parseUidKey(row.approver),
    approved: parseUidKey(row.approved),
  }));
}
