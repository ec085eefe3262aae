-- The whole life of access: grants that begin later or on first use, are counted, idle or extended; votes that narrow or are taken
-- back; break-glass and the reviews that it owes. Columns come with the meaning that rows had before.

SET LOCAL lock_timeout = '5s';

-- Older decision services would permit by a grant that has not begun, so they must not run on this.
UPDATE schema_state SET version = 2, oldest_service = 2;

ALTER TYPE grant_state RENAME TO grant_state_before;
ALTER TYPE end_reason RENAME TO end_reason_before;
CREATE TYPE grant_state AS ENUM ('SCHEDULED', 'CLAIMABLE', 'ACTIVE', 'ENDED');
CREATE TYPE end_reason AS ENUM (
  'EXPIRED', 'RELEASED', 'REVOKED', 'UNCLAIMED', 'EXHAUSTED', 'IDLE', 'INELIGIBLE'
);

DROP INDEX grants_active;
ALTER TABLE grants
  DROP CONSTRAINT grants_ended,
  DROP CONSTRAINT grants_end,
  DROP CONSTRAINT grants_max,
  ALTER COLUMN state TYPE grant_state USING state::text::grant_state,
  ALTER COLUMN end_reason TYPE end_reason USING end_reason::text::end_reason;
DROP TYPE grant_state_before;
DROP TYPE end_reason_before;

ALTER TABLE grants
  -- When it was approved.
  ADD COLUMN created_at timestamptz(3),
  -- What was approved: how long it runs once it has begun. While it is CLAIMABLE, [starts_at, expires_at) is the time for its first use.
  ADD COLUMN duration_ms bigint,
  -- How many of each of its steps, in their order; one each where it is empty.
  ADD COLUMN seats smallint[] NOT NULL DEFAULT '{}',
  -- Who filled them.
  ADD COLUMN approvers text[] NOT NULL DEFAULT '{}',
  ADD COLUMN break_glass boolean NOT NULL DEFAULT false,
  ADD COLUMN keep_on_change boolean NOT NULL DEFAULT false,
  -- NULL = it is not counted.
  ADD COLUMN uses_left integer,
  -- NULL = it does not end by lying unused.
  ADD COLUMN idle_ms bigint,
  ADD COLUMN last_used_at timestamptz(3),
  ADD COLUMN max_extensions smallint NOT NULL DEFAULT 0,
  ADD COLUMN extensions smallint NOT NULL DEFAULT 0;
UPDATE grants SET
  created_at = starts_at,
  duration_ms = (extract(epoch FROM expires_at - starts_at) * 1000)::bigint;
ALTER TABLE grants
  ALTER COLUMN created_at SET NOT NULL,
  ALTER COLUMN duration_ms SET NOT NULL,
  ADD CONSTRAINT grants_duration CHECK (duration_ms BETWEEN 1 AND max_ms),
  ADD CONSTRAINT grants_extensions CHECK (extensions BETWEEN 0 AND max_extensions),
  -- The window of a claimable grant is the time to claim it. Once begun, no grant outlasts what its workflow lets it be extended to.
  ADD CONSTRAINT grants_max CHECK (
    state IN ('CLAIMABLE', 'ENDED') OR extract(epoch FROM expires_at - starts_at) * 1000 <= max_ms * (1 + extensions)
  ),
  ADD CONSTRAINT grants_uses CHECK (uses_left >= 0),
  ADD CONSTRAINT grants_exhausted CHECK (end_reason <> 'EXHAUSTED' OR uses_left = 0),
  ADD CONSTRAINT grants_idle CHECK (idle_ms > 0),
  ADD CONSTRAINT grants_ended CHECK (
    (state = 'ENDED') = (end_reason IS NOT NULL) AND (state = 'ENDED') = (ended_at IS NOT NULL)
  ),
  -- One that had not begun ends before it begins.
  ADD CONSTRAINT grants_end CHECK (ended_at IS NULL OR ended_at BETWEEN created_at AND expires_at);
CREATE INDEX grants_live ON grants (expires_at) WHERE state <> 'ENDED';
CREATE INDEX grants_live_subject ON grants (subject, position) WHERE state <> 'ENDED';
CREATE INDEX grants_live_resource ON grants (resource, position) WHERE state <> 'ENDED';
CREATE INDEX grants_live_workflow ON grants (workflow, position) WHERE state <> 'ENDED';
CREATE INDEX grants_scheduled ON grants (starts_at) WHERE state = 'SCHEDULED';
CREATE INDEX grants_idle_since ON grants (last_used_at) WHERE state = 'ACTIVE' AND idle_ms IS NOT NULL;
-- A used-up grant still answers for the calls that used it.
CREATE INDEX grants_exhausted_until ON grants (expires_at) WHERE end_reason = 'EXHAUSTED';

-- Each use of a counted grant, once, however often it is reported.
CREATE TABLE grant_uses (
  grant_id uuid NOT NULL CONSTRAINT grant_uses_grant REFERENCES grants,
  use_id text NOT NULL CONSTRAINT grant_uses_use_id CHECK (octet_length(use_id) BETWEEN 1 AND 64),
  used_at timestamptz(3) NOT NULL,
  PRIMARY KEY (grant_id, use_id)
);

ALTER TABLE access_requests
  -- NULL = from approval, or on first use.
  ADD COLUMN starts_at timestamptz(3),
  ADD COLUMN break_glass boolean NOT NULL DEFAULT false,
  -- The grant that this asks to extend, and which extension of it this would be.
  ADD COLUMN extends uuid CONSTRAINT access_requests_extends REFERENCES grants,
  ADD COLUMN extension smallint NOT NULL DEFAULT 0,
  -- Equal for requests that ask for the same.
  ADD COLUMN wish bytea CONSTRAINT access_requests_wish CHECK (octet_length(wish) = 32),
  ADD CONSTRAINT access_requests_extension CHECK ((extends IS NULL) = (extension = 0) AND extension >= 0),
  ADD CONSTRAINT access_requests_start CHECK (starts_at IS NULL OR NOT break_glass);
-- Asking again for what was asked for already gives what is there.
CREATE UNIQUE INDEX access_requests_once ON access_requests (wish) WHERE state = 'PENDING';
-- One extension of a grant is asked for at a time.
CREATE UNIQUE INDEX access_requests_extending ON access_requests (extends) WHERE state = 'PENDING';

ALTER TABLE reviews
  -- What the vote narrows the item to; NULL leaves it as it was asked for.
  ADD COLUMN actions text[] CONSTRAINT reviews_actions CHECK (cardinality(actions) > 0),
  ADD COLUMN duration_ms bigint CONSTRAINT reviews_duration CHECK (duration_ms > 0),
  ADD COLUMN starts_at timestamptz(3),
  -- A vote taken back stays written down, and its reviewer may vote anew.
  ADD COLUMN withdrawn_at timestamptz(3),
  ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY,
  DROP CONSTRAINT reviews_pkey,
  ADD PRIMARY KEY (request_id, item, position);
CREATE UNIQUE INDEX reviews_once ON reviews (request_id, item, reviewer) WHERE withdrawn_at IS NULL;
-- Votes of one person that may still have to be taken back.
CREATE INDEX reviews_reviewer ON reviews (reviewer) WHERE withdrawn_at IS NULL;

-- What a break-glass grant owes: somebody looks at it afterwards.
CREATE TABLE owed_reviews (
  grant_id uuid PRIMARY KEY CONSTRAINT owed_reviews_grant REFERENCES grants,
  request_id uuid NOT NULL,
  item smallint NOT NULL,
  requester text NOT NULL,
  subject text NOT NULL,
  -- Who has to look.
  step text NOT NULL,
  due_at timestamptz(3) NOT NULL,
  settled_at timestamptz(3),
  reviewer text,
  verdict verdict,
  comment text,
  CONSTRAINT owed_reviews_item FOREIGN KEY (request_id, item) REFERENCES request_items,
  CONSTRAINT owed_reviews_settled CHECK (
    (settled_at IS NULL) = (reviewer IS NULL) AND (settled_at IS NULL) = (verdict IS NULL)
    AND (settled_at IS NULL) = (comment IS NULL)
  ),
  CONSTRAINT owed_reviews_not_requester CHECK (reviewer <> requester),
  CONSTRAINT owed_reviews_not_subject CHECK (reviewer <> subject)
);
CREATE INDEX owed_reviews_open ON owed_reviews (due_at, grant_id) WHERE settled_at IS NULL;
CREATE INDEX owed_reviews_subject ON owed_reviews (subject, due_at) WHERE settled_at IS NULL;

GRANT SELECT ON grant_uses, owed_reviews TO curfew_grant;
GRANT INSERT ON grant_uses, owed_reviews TO curfew_grant;
GRANT UPDATE (starts_at, expires_at, uses_left, last_used_at, extensions) ON grants TO curfew_grant;
GRANT UPDATE (withdrawn_at) ON reviews TO curfew_grant;
GRANT UPDATE (settled_at, reviewer, verdict, comment) ON owed_reviews TO curfew_grant;
