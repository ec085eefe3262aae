import { randomUUID } from 'node:crypto';
import { formatSteps } from '../../core/access/workflow.ts';
import { SYSTEM_ACTOR, type LedgerEvent } from '../../core/access/event.ts';
import type { Grant } from '../../core/access/grant.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { insertGrant } from '../../core/store/grants.ts';
import { type Resolution, resolveItems } from '../../core/store/request-changes.ts';
import type { Trx } from '../../core/store/transition.ts';
import { isStillEligible } from './rights.ts';

/** What became of an item that everybody needed has agreed to. */
export interface Started {
  readonly request: AccessRequest;
  readonly events: readonly LedgerEvent[];
}

/**
 * Starts the grant of an item whose seats are filled, or denies the item when its workflow would no longer let the subject in. The
 * request is locked by this transaction, or new in it.
 */
export async function startGrant(
  trx: Trx,
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  now: Date,
): Promise<Started> {
  if (!isStillEligible(replica, request, item, now)) return await deny(trx, request, item, now);
  const grant = grantOf(request, item, now);
  await resolve(trx, request, { item: item.item, state: 'APPROVED', at: now });
  await insertGrant(trx, grant, item.workflow.maxMs);
  const resolved = withItem(request, { ...item, state: 'APPROVED', resolvedAt: now, grantId: grant.id });
  return { request: resolved, events: [startedEvent(grant, now)] };
}

function grantOf(request: AccessRequest, item: RequestItem, now: Date): Grant {
  return {
    id: randomUUID(),
    requestId: request.id,
    item: item.item,
    requester: request.requester,
    subject: request.subject,
    actions: item.actions,
    resource: item.resource,
    workflow: item.workflow.id,
    steps: item.workflow.steps.map((step) => step.name),
    reason: request.reason,
    ticket: request.ticket,
    startsAt: now,
    expiresAt: new Date(now.getTime() + request.durationMs),
  };
}

async function deny(trx: Trx, request: AccessRequest, item: RequestItem, now: Date): Promise<Started> {
  const because = `workflow ${item.workflow.id} (${formatSteps(item.workflow.steps)}) no longer lets the subject in`;
  await resolve(trx, request, { item: item.item, state: 'DENIED', at: now, because });
  return {
    request: withItem(request, { ...item, state: 'DENIED', resolvedAt: now, deniedBecause: because }),
    events: [
      { kind: 'ITEM_DENIED', at: now, actor: SYSTEM_ACTOR, requestId: request.id, item: item.item, because },
    ],
  };
}

async function resolve(trx: Trx, request: AccessRequest, resolution: Resolution): Promise<void> {
  await resolveItems(trx, request, [resolution]);
}

function withItem(request: AccessRequest, changed: RequestItem): AccessRequest {
  return { ...request, items: request.items.map((item) => (item.item === changed.item ? changed : item)) };
}

function startedEvent(grant: Grant, now: Date): LedgerEvent {
  return {
    kind: 'GRANT_STARTED',
    at: now,
    actor: SYSTEM_ACTOR,
    requestId: grant.requestId,
    grantId: grant.id,
    item: grant.item,
    requester: grant.requester,
    subject: grant.subject,
    actions: grant.actions,
    resource: grant.resource,
    workflow: grant.workflow,
    steps: grant.steps,
    startsAt: grant.startsAt,
    expiresAt: grant.expiresAt,
    text: JSON.stringify({ reason: grant.reason, ticket: grant.ticket }),
  };
}
