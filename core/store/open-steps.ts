import { uidKey } from '../access/entity.ts';
import type { AccessRequest, RequestItem } from '../access/request.ts';
import { Call, type Statement } from './statement.ts';

const OPEN_STEPS: Statement = {
  name: 'open_steps',
  isRead: false,
  text: `
    INSERT INTO open_steps (request_id, item, step, position, resource, resource_type, requester, subject, expires_at, after_ms, opens_at)
    SELECT id, open.item, open.step, position, open.resource, open.resource_type, requester, subject, open.expires_at, after_ms,
      CASE WHEN after_ms > 0 THEN created_at + after_ms * interval '1 millisecond' END
    FROM access_requests, unnest($2::smallint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::bigint[])
      AS open (item, step, resource, resource_type, expires_at, after_ms)
    WHERE id = $1`,
};

/** Notes what a request that was just written waits for. */
export function openSteps({ id, items }: AccessRequest): readonly Call[] {
  const open = items.flatMap((item) => stepsOf(item).map((step) => ({ ...item, ...step })));
  if (open.length === 0) return [];
  return [
    new Call(OPEN_STEPS, [
      id,
      open.map(({ item }) => item),
      open.map(({ step }) => step),
      open.map(({ resource }) => uidKey(resource)),
      open.map(({ resource }) => resource.type),
      open.map(({ expiresAt }) => expiresAt),
      open.map(({ afterMs }) => afterMs),
    ]),
  ];
}

interface OpenStep {
  readonly step: string;
  /** Since the request was made; 0 = from the beginning. */
  readonly afterMs: number;
}

/** The steps that must agree, and those that stand in for them some day. */
function stepsOf({ workflow: { steps, escalations } }: RequestItem): readonly OpenStep[] {
  if (steps.length === 0) return [];
  const open = new Map(steps.map(({ name }) => [name, 0]));
  for (const { step, afterMs } of escalations)
    open.set(step, Math.min(afterMs, open.get(step) ?? Number.POSITIVE_INFINITY));
  return Array.from(open, ([step, afterMs]) => ({ step, afterMs }));
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
