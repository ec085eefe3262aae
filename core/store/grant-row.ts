import type { Selectable } from 'kysely';
import { parseUidKey } from '../access/entity.ts';
import type { Grant, GrantStanding } from '../access/grant.ts';
import type { Grants } from './schema.ts';

export type GrantRow = Selectable<Grants>;

export function toGrant(row: GrantRow): Grant {
  return {
    id: row.id,
    requestId: row.request_id,
    item: row.item,
    requester: parseUidKey(row.requester),
    subject: parseUidKey(row.subject),
    actions: row.actions.map(parseUidKey),
    resource: parseUidKey(row.resource),
    workflow: row.workflow,
    steps: row.steps,
    reason: row.reason,
    ticket: row.ticket,
    startsAt: row.starts_at,
    expiresAt: row.expires_at,
  };
}

/** What has been written down of where the grant stands. */
export function toStanding(row: GrantRow): GrantStanding {
  if (row.end_reason === null || row.ended_at === null) return { state: 'ACTIVE' };
  return { state: 'ENDED', endReason: row.end_reason, endedAt: row.ended_at };
}
