import { MOST_OPEN, type OpenParty } from '../access/open-limits.ts';
import { Call, type Statement } from './statement.ts';

/** By the keys of entities. */
export interface OpenParties {
  readonly requester: string;
  readonly subject: string;
  readonly resources: readonly string[];
}

/** How many requests are open: pending in the record, and not lapsed by the database's clock. */
export interface OpenCount {
  readonly party: OpenParty;
  readonly uid: string;
  readonly open: number;
}

/** None is counted further than its limit goes. */
const COUNTS = `
  SELECT 'requester' AS party, $1::text AS uid, (SELECT count(*)::int FROM (
    SELECT FROM access_requests WHERE requester = $1 AND state = 'PENDING' AND expires_at > clock_timestamp()
    LIMIT ${MOST_OPEN.requester + 1}) AS counted) AS open
  UNION ALL
  SELECT 'subject', $2, (SELECT count(*)::int FROM (
    SELECT FROM access_requests WHERE subject = $2 AND state = 'PENDING' AND expires_at > clock_timestamp()
    LIMIT ${MOST_OPEN.subject + 1}) AS counted)
  UNION ALL
  SELECT 'resource', resource, (SELECT count(*)::int FROM (
    SELECT FROM request_items AS item
    WHERE item.resource = asked.resource AND state = 'PENDING' AND expires_at > clock_timestamp()
    LIMIT ${MOST_OPEN.resource + 1}) AS counted)
  FROM unnest($3::text[]) AS asked (resource)`;

const COUNT_OPEN: Statement = { name: 'count_open', isRead: true, text: COUNTS };

/** Counts what is open already. */
export function countOpenCall({ requester, subject, resources }: OpenParties): Call<OpenCount> {
  return new Call<OpenCount>(COUNT_OPEN, [requester, subject, resources]);
}

const HOLD_LIMITS: Statement = {
  name: 'hold_limits',
  isRead: true,
  text: `
    SELECT 1 / count(*) FROM (SELECT) AS one WHERE NOT EXISTS (
      SELECT FROM (${COUNTS}) AS counts WHERE open > CASE party
        WHEN 'requester' THEN ${MOST_OPEN.requester} WHEN 'subject' THEN ${MOST_OPEN.subject} ELSE ${MOST_OPEN.resource} END)`,
};

/**
 * Fails the transaction when more is open than may be, what it wrote itself included. To be sent after the append: who holds the head
 * sees all that others opened before.
 */
export function holdLimitsCall(parties: OpenParties, whenExceeded: () => Error): Call {
  return new Call(HOLD_LIMITS, [parties.requester, parties.subject, parties.resources], whenExceeded);
}
