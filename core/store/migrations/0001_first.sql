-- The first schema: requests and their reviews, grants, the directory, policy sets, and the ledger that orders them all.
-- An entity is written in Cedar's notation, User::"ada", so that one column names it and one index finds it.

CREATE TABLE schema_state (
  singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT schema_state_single CHECK (singleton),
  version integer NOT NULL,
  -- Services built for a schema older than this must not run on it.
  oldest_service integer NOT NULL,
  CONSTRAINT schema_state_order CHECK (oldest_service <= version)
);
INSERT INTO schema_state (version, oldest_service) VALUES (1, 1);

-- The ledger. Revisions are dense and in commit order because the head row is locked by the last statement of each transaction.
CREATE TABLE ledger_head (
  singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT ledger_head_single CHECK (singleton),
  -- Names this history; a restore gives it a new one.
  epoch uuid NOT NULL DEFAULT gen_random_uuid(),
  revision bigint NOT NULL,
  hash bytea NOT NULL CONSTRAINT ledger_head_hash CHECK (octet_length(hash) = 32),
  -- The last revision that changed the directory or the policies: what was decided on an older basis cannot be appended.
  basis_revision bigint NOT NULL,
  CONSTRAINT ledger_head_basis CHECK (basis_revision BETWEEN 0 AND revision)
);
INSERT INTO ledger_head (revision, hash, basis_revision) VALUES (0, decode(repeat('00', 32), 'hex'), 0);

CREATE TABLE ledger (
  revision bigint PRIMARY KEY CONSTRAINT ledger_revision_positive CHECK (revision > 0),
  at timestamptz(3) NOT NULL,
  kind text NOT NULL,
  actor text NOT NULL,
  request_id uuid,
  grant_id uuid,
  -- The exact bytes that the hash covers.
  body text NOT NULL,
  previous_hash bytea NOT NULL CONSTRAINT ledger_previous_hash CHECK (octet_length(previous_hash) = 32),
  hash bytea NOT NULL CONSTRAINT ledger_hash CHECK (octet_length(hash) = 32)
);
CREATE INDEX ledger_request ON ledger (request_id, revision) WHERE request_id IS NOT NULL;
CREATE INDEX ledger_grant ON ledger (grant_id, revision) WHERE grant_id IS NOT NULL;
CREATE INDEX ledger_activations ON ledger (revision) WHERE kind = 'POLICY_ACTIVATED';
CREATE INDEX ledger_entities ON ledger (revision) WHERE kind = 'ENTITIES_APPLIED';

-- Free text and attributes: the body holds sha256(salt || text), so that text can be erased and the chain stays whole.
CREATE TABLE ledger_text (
  revision bigint PRIMARY KEY CONSTRAINT ledger_text_revision REFERENCES ledger,
  salt bytea NOT NULL,
  text text NOT NULL
);

CREATE TABLE policy_sets (
  digest text PRIMARY KEY CONSTRAINT policy_sets_digest CHECK (digest ~ '^[0-9a-f]{64}$'),
  -- JSON: text by path.
  files text NOT NULL
);
CREATE TYPE request_state AS ENUM ('PENDING', 'APPROVED', 'PARTIALLY_APPROVED', 'DENIED', 'WITHDRAWN', 'EXPIRED');
CREATE TYPE item_state AS ENUM ('PENDING', 'APPROVED', 'DENIED', 'WITHDRAWN', 'EXPIRED');
CREATE TYPE verdict AS ENUM ('APPROVE', 'DENY');
CREATE TYPE grant_state AS ENUM ('ACTIVE', 'ENDED');
CREATE TYPE end_reason AS ENUM ('EXPIRED', 'RELEASED', 'REVOKED', 'INELIGIBLE');

CREATE TABLE entities (
  uid text PRIMARY KEY,
  type text NOT NULL,
  id text NOT NULL,
  -- Cedar's JSON form; integers exact.
  body text NOT NULL,
  deleted_at timestamptz(3),
  CONSTRAINT entities_type_id UNIQUE (type, id)
);

CREATE TABLE access_requests (
  id uuid PRIMARY KEY,
  requester text NOT NULL,
  subject text NOT NULL,
  state request_state NOT NULL,
  reason text NOT NULL,
  ticket text NOT NULL,
  duration_ms bigint NOT NULL CONSTRAINT access_requests_duration CHECK (duration_ms > 0),
  request_hash bytea NOT NULL CONSTRAINT access_requests_hash CHECK (octet_length(request_hash) = 32),
  created_at timestamptz(3) NOT NULL,
  expires_at timestamptz(3) NOT NULL,
  resolved_at timestamptz(3),
  -- Orders lists; the order that matters is the ledger's.
  position bigint GENERATED ALWAYS AS IDENTITY,
  CONSTRAINT access_requests_resolved CHECK ((state = 'PENDING') = (resolved_at IS NULL)),
  -- What a review must repeat, so that its foreign key proves it.
  CONSTRAINT access_requests_reviewable UNIQUE (id, requester, subject, request_hash)
);
CREATE INDEX access_requests_newest ON access_requests (position DESC);
CREATE INDEX access_requests_requester ON access_requests (requester, position DESC);
CREATE INDEX access_requests_subject ON access_requests (subject, position DESC);
CREATE INDEX access_requests_pending ON access_requests (position DESC) WHERE state = 'PENDING';

CREATE TABLE request_items (
  request_id uuid NOT NULL CONSTRAINT request_items_request REFERENCES access_requests,
  item smallint NOT NULL CONSTRAINT request_items_item CHECK (item BETWEEN 0 AND 19),
  resource text NOT NULL,
  actions text[] NOT NULL CONSTRAINT request_items_actions CHECK (cardinality(actions) > 0),
  -- The workflow as it was at submission: JSON.
  workflow text NOT NULL,
  state item_state NOT NULL,
  expires_at timestamptz(3) NOT NULL,
  resolved_at timestamptz(3),
  denied_because text NOT NULL,
  PRIMARY KEY (request_id, item),
  CONSTRAINT request_items_resolved CHECK ((state = 'PENDING') = (resolved_at IS NULL)),
  CONSTRAINT request_items_once UNIQUE (request_id, resource)
);

-- One vote per person and item; never of the requester or the subject; on the request as it was shown.
CREATE TABLE reviews (
  request_id uuid NOT NULL,
  item smallint NOT NULL,
  reviewer text NOT NULL,
  requester text NOT NULL,
  subject text NOT NULL,
  request_hash bytea NOT NULL,
  verdict verdict NOT NULL,
  comment text NOT NULL,
  policy_digest text NOT NULL,
  created_at timestamptz(3) NOT NULL,
  PRIMARY KEY (request_id, item, reviewer),
  CONSTRAINT reviews_item FOREIGN KEY (request_id, item) REFERENCES request_items,
  CONSTRAINT reviews_as_shown FOREIGN KEY (request_id, requester, subject, request_hash)
    REFERENCES access_requests (id, requester, subject, request_hash),
  CONSTRAINT reviews_not_requester CHECK (reviewer <> requester),
  CONSTRAINT reviews_not_subject CHECK (reviewer <> subject)
);

CREATE TABLE grants (
  id uuid PRIMARY KEY,
  request_id uuid NOT NULL,
  item smallint NOT NULL,
  requester text NOT NULL,
  subject text NOT NULL,
  resource text NOT NULL,
  actions text[] NOT NULL CONSTRAINT grants_actions CHECK (cardinality(actions) > 0),
  workflow text NOT NULL,
  steps text[] NOT NULL,
  reason text NOT NULL,
  ticket text NOT NULL,
  state grant_state NOT NULL,
  starts_at timestamptz(3) NOT NULL,
  -- The first instant at which it permits no more.
  expires_at timestamptz(3) NOT NULL,
  max_ms bigint NOT NULL,
  ended_at timestamptz(3),
  end_reason end_reason,
  -- Orders lists; the order that matters is the ledger's.
  position bigint GENERATED ALWAYS AS IDENTITY,
  -- One request item gives one grant, once.
  CONSTRAINT grants_item UNIQUE (request_id, item),
  CONSTRAINT grants_request_item FOREIGN KEY (request_id, item) REFERENCES request_items,
  CONSTRAINT grants_window CHECK (starts_at < expires_at),
  CONSTRAINT grants_max CHECK (extract(epoch FROM expires_at - starts_at) * 1000 <= max_ms),
  CONSTRAINT grants_ended CHECK ((state = 'ENDED') = (end_reason IS NOT NULL) AND (state = 'ENDED') = (ended_at IS NOT NULL)),
  CONSTRAINT grants_end CHECK (ended_at IS NULL OR ended_at BETWEEN starts_at AND expires_at)
);
CREATE INDEX grants_newest ON grants (position DESC);
CREATE INDEX grants_subject ON grants (subject, position DESC);
CREATE INDEX grants_resource ON grants (resource, position DESC);
CREATE INDEX grants_active ON grants (expires_at) WHERE state = 'ACTIVE';

-- What a caller's idempotency key stands for.
CREATE TABLE idempotency_keys (
  caller text NOT NULL,
  key text NOT NULL CONSTRAINT idempotency_keys_key CHECK (key ~ '^[!-~]{1,64}$'),
  body_hash bytea NOT NULL CONSTRAINT idempotency_keys_body_hash CHECK (octet_length(body_hash) = 32),
  request_id uuid NOT NULL CONSTRAINT idempotency_keys_request REFERENCES access_requests,
  PRIMARY KEY (caller, key)
);

-- Rights: each service what it needs. Nobody but the owner may change or delete what is in the ledger.
GRANT SELECT ON schema_state TO curfew_grant, curfew_decision, curfew_notify;
GRANT SELECT ON ledger_head, ledger, ledger_text TO curfew_grant, curfew_decision, curfew_notify;
GRANT SELECT ON policy_sets, entities, grants TO curfew_grant, curfew_decision;
GRANT SELECT ON access_requests, request_items, reviews, idempotency_keys TO curfew_grant;

GRANT INSERT ON ledger, ledger_text, policy_sets, reviews, idempotency_keys TO curfew_grant;
GRANT INSERT ON entities, access_requests, request_items, grants TO curfew_grant;

-- Of what may change at all, only what a transition changes: what was asked, shown and granted stays as it was.
GRANT UPDATE (revision, hash, basis_revision) ON ledger_head TO curfew_grant;
GRANT UPDATE (state, resolved_at) ON access_requests TO curfew_grant;
GRANT UPDATE (state, resolved_at, denied_because) ON request_items TO curfew_grant;
GRANT UPDATE (state, ended_at, end_reason) ON grants TO curfew_grant;
GRANT UPDATE (body, deleted_at) ON entities TO curfew_grant;
