import { uidKey } from '../access/entity.ts';
import type { AccessRequest, RequestItem } from '../access/request.ts';
import { Call, type Statement } from './statement.ts';

const OPEN_STEPS: Statement = {
  name: 'open_steps',
  isRead: false,
  text: `
    INSERT INTO open_steps (request_id, item, step, position, resource, resource_type, requester, subject, expires_at)
    SELECT id, open.item, open.step, position, open.resource, open.resource_type, requester, subject, open.expires_at
    FROM access_requests, unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
      AS open (item, step, resource, resource_type, expires_at)
    WHERE id = $1`,
};

/** Notes what a request that was just written waits for. */
export function openSteps({ id, items }: AccessRequest): readonly Call[] {
  const open = items.flatMap((item) => stepsOf(item).map((step) => ({ ...item, step })));
  if (open.length === 0) return [];
  return [
    new Call(OPEN_STEPS, [
      id,
      open.map(({ item }) => item),
      open.map(({ step }) => step),
      open.map(({ resource }) => uidKey(resource)),
      open.map(({ resource }) => resource.type),
      open.map(({ expiresAt }) => expiresAt),
    ]),
  ];
}

/** The steps that must agree, and those that stand in for them some day. */
function stepsOf({ workflow: { steps, escalations } }: RequestItem): readonly string[] {
  if (steps.length === 0) return [];
  return [...new Set([...steps.map(({ name }) => name), ...escalations.map(({ step }) => step)])];
}

const CLOSE_STEPS: Statement = {
  name: 'close_steps',
  isRead: false,
  text: `DELETE FROM open_steps WHERE request_id = $1 AND item = ANY($2::smallint[])`,
};

/** Items that are decided wait for nobody. */
export function closeSteps({ id, items }: AccessRequest, decided: readonly number[]): readonly Call[] {
  const closed = items.filter(({ item, workflow }) => decided.includes(item) && workflow.steps.length > 0);
  return closed.length === 0 ? [] : [new Call(CLOSE_STEPS, [id, closed.map(({ item }) => item)])];
}
