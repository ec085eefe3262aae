-- What the jobs look for every minute is found without reading the rest.

SET LOCAL lock_timeout = '5s';

CREATE INDEX request_items_due ON request_items (expires_at, request_id) WHERE state = 'PENDING';

-- From when on a grant has lain unused for too long, in milliseconds since 1970: unlike a sum of instants it can be indexed.
DROP INDEX grants_idle_since;
CREATE INDEX grants_idle_at ON grants (
  (extract(epoch FROM greatest(starts_at, last_used_at) - TIMESTAMPTZ '1970-01-01 00:00:00+00') * 1000 + idle_ms), id
) WHERE state = 'ACTIVE' AND idle_ms IS NOT NULL;
