import type { World } from './world.ts';

/** Each finds rows that break an invariant. */
const QUERIES: readonly (readonly [invariant: string, sql: string])[] = [
  [
    'I4: two grants of one item',
    'SELECT request_id, item FROM grants GROUP BY request_id, item HAVING count(*) > 1',
  ],
  [
    'I5: a seat filled by requester, subject or twice by one person',
    `SELECT id FROM grants WHERE requester = ANY(approvers) OR subject = ANY(approvers)
      OR cardinality(approvers) <> (SELECT count(DISTINCT it) FROM unnest(approvers) AS it)
      OR cardinality(approvers) <> (SELECT coalesce(sum(seats), 0) FROM unnest(seats) AS seats)`,
  ],
  [
    'I6: something happened to a grant after its end',
    `SELECT ended.grant_id FROM ledger AS ended JOIN ledger AS later
      ON later.grant_id = ended.grant_id AND later.revision > ended.revision
      WHERE ended.kind = 'GRANT_ENDED' AND later.kind NOT IN ('BREAK_GLASS_REVIEWED', 'LOCK_LIFTED')`,
  ],
  [
    'I7: a vote on another hash',
    `SELECT reviews.request_id FROM reviews JOIN access_requests AS requests ON requests.id = request_id
      WHERE reviews.request_hash <> requests.request_hash`,
  ],
  [
    'I7: a submission or a vote in the ledger that names another hash than the request has',
    `SELECT ledger.revision FROM ledger JOIN access_requests AS requests ON requests.id = ledger.request_id
      WHERE kind IN ('REQUEST_SUBMITTED', 'REQUEST_REVIEWED', 'BREAK_GLASS_REVIEWED')
        AND body::json->>'requestHash' <> encode(requests.request_hash, 'hex')`,
  ],
  [
    'I8: a grant that is longer than its extensions allow',
    `SELECT id FROM grants WHERE (state = 'ACTIVE' OR workflow <> 'claim')
      AND extract(epoch FROM expires_at - starts_at) * 1000 > max_ms * (1 + extensions)`,
  ],
  [
    'I10: the ledger is not dense or not linked',
    `SELECT revision FROM (
       SELECT revision, previous_hash, lag(hash) OVER (ORDER BY revision) AS before,
         lag(revision) OVER (ORDER BY revision) AS last FROM ledger) AS row
      WHERE revision <> coalesce(last, 0) + 1 OR (before IS NOT NULL AND previous_hash <> before)`,
  ],
  [
    'I10: the head is not the last row',
    `SELECT revision FROM ledger_head WHERE (revision, hash) <> (SELECT revision, hash FROM ledger ORDER BY revision DESC LIMIT 1)`,
  ],
  [
    'I11: a grant whose rows in the ledger are not its state',
    `SELECT id FROM grants WHERE (state = 'ENDED') <> EXISTS (
       SELECT FROM ledger WHERE grant_id = grants.id AND kind = 'GRANT_ENDED')
      OR extensions <> (SELECT count(*) FROM ledger WHERE grant_id = grants.id AND kind = 'GRANT_EXTENDED')
      OR (SELECT count(*) FROM ledger WHERE grant_id = grants.id AND kind = 'GRANT_STARTED') <> 1`,
  ],
  [
    'I11: an item whose rows in the ledger are not its state',
    `SELECT request_id, item FROM request_items AS items WHERE (state = 'APPROVED') <> EXISTS (
       SELECT FROM ledger WHERE ledger.request_id = items.request_id AND (
         (kind = 'GRANT_STARTED' AND (body::json->>'item')::int = items.item) OR kind = 'GRANT_EXTENDED'))
      OR (state = 'DENIED') <> EXISTS (
       SELECT FROM ledger WHERE ledger.request_id = items.request_id AND (
         (kind = 'ITEM_DENIED' AND (body::json->>'item')::int = items.item)
         OR (kind = 'REQUEST_REVIEWED' AND body::json->>'verdict' = 'DENY'
           AND (body::json->'items')::jsonb @> to_jsonb(items.item))))`,
  ],
  [
    'I11: a use that is not counted once in the ledger',
    `SELECT grant_id FROM grant_uses AS uses WHERE (
       SELECT count(*) FROM ledger WHERE grant_id = uses.grant_id AND kind = 'GRANT_USED'
         AND body::json->>'useId' = uses.use_id) <> 1`,
  ],
];

/** What breaks an invariant of the tables and the ledger, as `invariant: row`. */
export async function violations(world: World): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [invariant, sql] of QUERIES)
    for (const row of await world.query(sql)) found.push(`${invariant}: ${JSON.stringify(row, text)}`);
  return found;
}

function text(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
