import { type EntityUid, parseUidKey } from '../access/entity.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { Call, send, type Statement } from './statement.ts';
import type { Trx } from './transition.ts';

/** Approvals of lately, of what somebody asked for or was to get. */
export interface ApprovalsOf {
  /** The keys of the accounts that asked, or were to get it. */
  readonly parties: readonly string[];
  readonly withinMs: number;
}

const RECENT = `
  FROM reviews
  WHERE verdict = 'APPROVE' AND withdrawn_at IS NULL
    AND (requester = ANY($1::text[]) OR subject = ANY($1::text[]))
    AND created_at > clock_timestamp() - $2::float8 * INTERVAL '1 millisecond'`;

const FIND: Statement = {
  name: 'find_recent_approvers',
  isRead: true,
  text: `
    SELECT reviewer, (extract(epoch FROM clock_timestamp() - max(created_at)) * 1000)::float8 AS ago_ms
    ${RECENT} GROUP BY reviewer`,
};

/** Somebody who approved a request, and how long ago they last did. */
export interface RecentApprover {
  readonly reviewer: EntityUid;
  readonly agoMs: number;
}

/** Who approved such a request. @throws AccessError */
export async function readRecentApprovers(
  reader: Database | Trx,
  { parties, withinMs }: ApprovalsOf,
): Promise<readonly RecentApprover[]> {
  const found = new Call<{ readonly reviewer: string; readonly ago_ms: number }>(FIND, [parties, withinMs]);
  await guarded(() => send(reader, found));
  return found.rows.map((row) => ({ reviewer: parseUidKey(row.reviewer), agoMs: row.ago_ms }));
}

const REFUSE: Statement = {
  name: 'refuse_recent_approvers',
  isRead: true,
  text: `SELECT 1 / count(*) FROM (SELECT) AS one WHERE NOT EXISTS (SELECT ${RECENT} AND reviewer <> ALL($3::text[]))`,
};

/**
 * Fails the transaction when by now somebody else approved such a request. To be sent after the append: who holds the head sees all
 * votes before.
 * @param known keys
 */
export function refuseOtherApproversCall(
  { parties, withinMs }: ApprovalsOf,
  known: readonly string[],
  whenFound: () => Error,
): Call {
  return new Call(REFUSE, [parties, withinMs, known], whenFound);
}
