-- What a grant was asked for, where approvals made less of it or a start was asked for: policies are asked about what was approved, for
-- as long as it lives.

SET LOCAL lock_timeout = '5s';

-- JSON: actions, durationMs and startsAt, each only where it differs; NULL = it is as it was asked for, from its approval on.
ALTER TABLE grants ADD COLUMN asked text;

UPDATE grants SET asked = found.asked::text
FROM (
  SELECT grants.id, jsonb_strip_nulls(jsonb_build_object(
    'actions', CASE WHEN cardinality(grants.actions) < cardinality(request_items.actions) THEN to_jsonb(request_items.actions) END,
    'durationMs', nullif(access_requests.duration_ms, grants.duration_ms),
    'startsAt', access_requests.starts_at)) AS asked
  FROM grants
    JOIN access_requests ON access_requests.id = grants.request_id
    JOIN request_items ON request_items.request_id = grants.request_id AND request_items.item = grants.item
  WHERE grants.state <> 'ENDED'
) AS found
WHERE grants.id = found.id AND found.asked <> '{}';

-- Whether what the key stands for was there before the call: the same call again says the same.
ALTER TABLE idempotency_keys ADD COLUMN is_existing boolean NOT NULL DEFAULT false;

-- A service that does not know the columns asks about the grants, and answers calls again, as it did before.
UPDATE schema_state SET version = 5;
