-- Locks: emergency stops on an entity and whatever is inside of it, on one grant, or on everything. A lock ends when it is lifted or
-- when its time is up; its row stays.

SET LOCAL lock_timeout = '5s';

-- Older decision services would not see a lock, so they must not run on this.
UPDATE schema_state SET version = 2, oldest_service = 2;

CREATE TABLE locks (
  id uuid PRIMARY KEY,
  -- What it stops: one of these, or everything when it is neither.
  entity text,
  grant_id uuid CONSTRAINT locks_grant REFERENCES grants,
  reason text NOT NULL CONSTRAINT locks_reason CHECK (reason <> ''),
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL,
  -- The first instant at which it no longer holds; NULL = when it is lifted.
  expires_at timestamptz(3),
  lifted_at timestamptz(3),
  lifted_by text,
  lift_reason text CONSTRAINT locks_lift_reason CHECK (lift_reason <> ''),
  -- Orders lists; the order that matters is the ledger's.
  position bigint GENERATED ALWAYS AS IDENTITY,
  CONSTRAINT locks_target CHECK (num_nonnulls(entity, grant_id) <= 1),
  CONSTRAINT locks_window CHECK (created_at < expires_at),
  CONSTRAINT locks_lifted CHECK (
    (lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lift_reason IS NULL)
  ),
  CONSTRAINT locks_lift CHECK (lifted_at >= created_at AND (expires_at IS NULL OR lifted_at < expires_at)),
  -- Nobody lifts a lock on themselves.
  CONSTRAINT locks_not_own CHECK (lifted_by <> entity)
);
CREATE INDEX locks_newest ON locks (position DESC);
CREATE INDEX locks_entity ON locks (entity, position DESC) WHERE entity IS NOT NULL;
CREATE INDEX locks_standing ON locks (position DESC) WHERE lifted_at IS NULL;

GRANT SELECT ON locks TO curfew_grant, curfew_decision;
GRANT INSERT ON locks TO curfew_grant;
GRANT UPDATE (lifted_at, lifted_by, lift_reason) ON locks TO curfew_grant;
