import { randomUUID } from 'node:crypto';
import type { Insertable } from 'kysely';
import type { Database } from '../../../core/store/connect.ts';
import type { AccessRequests, DB, Grants, RequestItems, Reviews } from '../../../core/store/schema.ts';

export const at = new Date('2026-01-02T03:04:05.678Z');
export const later = new Date('2026-01-02T04:04:05.678Z');
export const hash = Buffer.alloc(32, 7);
export const hourMs = 3_600_000;

export const request: Insertable<AccessRequests> = {
  id: randomUUID(),
  requester: 'User::"ada"',
  subject: 'Service::"ci"',
  state: 'PENDING',
  reason: 'incident 7',
  ticket: '',
  duration_ms: hourMs,
  request_hash: hash,
  created_at: at,
  expires_at: later,
  resolved_at: null,
};

export const item: Insertable<RequestItems> = {
  request_id: request.id,
  item: 0,
  resource: 'Database::"orders"',
  actions: ['Action::"read"'],
  workflow: '{"steps":[]}',
  state: 'PENDING',
  expires_at: later,
  resolved_at: null,
  denied_because: '',
};

export const review: Insertable<Reviews> = {
  request_id: request.id,
  item: 0,
  reviewer: 'User::"bob"',
  requester: request.requester,
  subject: request.subject,
  request_hash: hash,
  verdict: 'APPROVE',
  comment: '',
  policy_digest: 'cd'.repeat(32),
  created_at: at,
};

export const grant: Insertable<Grants> = {
  id: randomUUID(),
  request_id: request.id,
  item: 0,
  requester: request.requester,
  subject: request.subject,
  resource: item.resource,
  actions: item.actions,
  workflow: 'prod-reads',
  steps: ['owner'],
  reason: request.reason,
  ticket: '',
  state: 'ACTIVE',
  starts_at: at,
  expires_at: later,
  created_at: at,
  duration_ms: hourMs,
  max_ms: hourMs,
};

export const after = new Date(later.getTime() + 1);

/** Inserts the row with changes. */
export const insert =
  <T extends keyof DB>(table: T, row: Insertable<DB[T]>, changes: Partial<Insertable<DB[T]>>) =>
  (database: Database): Promise<unknown> =>
    database
      .insertInto(table)
      .values({ ...row, ...changes })
      .execute();
