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
