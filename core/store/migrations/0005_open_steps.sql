-- What waits for whom: a row for each step of an item that is pending, so that a reviewer's list need not look at every request.
-- It is an index and no record: all of it follows from request_items, and a row goes when its item is decided.

-- Nothing of it is sorted for people: "C" compares bytes.
CREATE TABLE open_steps (
  request_id uuid NOT NULL,
  item smallint NOT NULL,
  step text COLLATE "C" NOT NULL,
  -- The request's, by which lists are ordered.
  position bigint NOT NULL,
  resource text COLLATE "C" NOT NULL,
  resource_type text COLLATE "C" NOT NULL,
  requester text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  -- When the item lapses unanswered.
  expires_at timestamptz(3) NOT NULL,
  PRIMARY KEY (request_id, item, step)
);
-- One for each way of looking: who may fill the step anywhere, on these resources, or for these people.
CREATE INDEX open_steps_type ON open_steps (step, resource_type, position DESC);
CREATE INDEX open_steps_resource ON open_steps (step, resource, position DESC);
CREATE INDEX open_steps_requester ON open_steps (step, requester, position DESC);
CREATE INDEX open_steps_subject ON open_steps (step, subject, position DESC);
-- What has lapsed and is not written down yet.
CREATE INDEX open_steps_lapsed ON open_steps (expires_at);

INSERT INTO open_steps (request_id, item, step, position, resource, resource_type, requester, subject, expires_at)
SELECT DISTINCT request.id, item.item, step.name, request.position, item.resource,
  left(item.resource, strpos(item.resource, '::"') - 1), request.requester, request.subject, item.expires_at
FROM access_requests AS request
JOIN request_items AS item ON item.request_id = request.id AND item.state = 'PENDING',
  LATERAL (
    SELECT each ->> 'name' AS name FROM jsonb_path_query(item.workflow::jsonb, '$.steps[*]') AS each
    UNION ALL
    SELECT each ->> 'step' FROM jsonb_path_query(item.workflow::jsonb, '$.escalations[*]') AS each
  ) AS step;

-- Lists of one state, of everybody or of one person, are read in order without looking at other states.
CREATE INDEX access_requests_state ON access_requests (state, position DESC);
CREATE INDEX access_requests_requester_state ON access_requests (requester, state, position DESC);
CREATE INDEX access_requests_subject_state ON access_requests (subject, state, position DESC);
DROP INDEX access_requests_pending, access_requests_requester, access_requests_subject;
-- How many requests are open for one resource.
CREATE INDEX request_items_open ON request_items (resource) WHERE state = 'PENDING';

-- The only table that a service may delete from.
GRANT SELECT, INSERT, DELETE ON open_steps TO curfew_grant;

-- A service that does not know the table would leave it behind.
UPDATE schema_state SET version = 2, oldest_service = 2;
