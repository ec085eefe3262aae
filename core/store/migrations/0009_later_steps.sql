-- Steps that stand in for others once time has passed are looked for apart: until then nobody fills them, and whoever could some day
-- would look through all of them for nothing.

SET LOCAL lock_timeout = '5s';

ALTER TABLE open_steps
  -- How long after the request was made the step counts; 0 = from the beginning.
  ADD COLUMN after_ms bigint NOT NULL DEFAULT 0,
  -- When that is; NULL = from the beginning.
  ADD COLUMN opens_at timestamptz(3),
  ADD CONSTRAINT open_steps_later CHECK ((after_ms > 0) = (opens_at IS NOT NULL));

UPDATE open_steps AS open SET after_ms = later.after_ms, opens_at = created_at + later.after_ms * interval '1 millisecond'
FROM access_requests AS request, (
  SELECT request_id, item, each ->> 'step' AS step, min((each ->> 'afterMs')::bigint) AS after_ms
  FROM request_items, LATERAL jsonb_path_query(workflow::jsonb, '$.escalations[*]') AS each
  WHERE state = 'PENDING'
    AND NOT jsonb_path_exists(workflow::jsonb, '$.steps[*] ? (@.name == $step)', jsonb_build_object('step', each -> 'step'))
  GROUP BY 1, 2, 3
) AS later
WHERE request.id = open.request_id AND later.after_ms > 0
  AND (later.request_id, later.item, later.step) = (open.request_id, open.item, open.step);

DROP INDEX open_steps_type, open_steps_resource, open_steps_requester, open_steps_subject;
CREATE INDEX open_steps_type ON open_steps (step, after_ms, resource_type, position DESC);
CREATE INDEX open_steps_resource ON open_steps (step, after_ms, resource, position DESC);
CREATE INDEX open_steps_requester ON open_steps (step, after_ms, requester, position DESC);
CREATE INDEX open_steps_subject ON open_steps (step, after_ms, subject, position DESC);
-- Which of those that count later do so by now.
CREATE INDEX open_steps_opening ON open_steps (step, after_ms, opens_at) INCLUDE (position) WHERE opens_at IS NOT NULL;

-- A service that does not know the columns writes all steps as if they counted from the beginning: more is looked at then, and nothing
-- is missed.
UPDATE schema_state SET version = 6;
