import { formatSteps } from '../../core/access/workflow.ts';
import { SYSTEM_ACTOR, type LedgerEvent } from '../../core/access/event.ts';
import { windowOf } from '../../core/access/narrowing.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import { isLetIn } from '../../core/replica/eligible.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { resolveItems } from '../../core/store/request-changes.ts';
import type { Trx } from '../../core/store/transition.ts';
import { beginGrant } from './begin-grant.ts';
import { countVotes, type CountedVotes } from './counted-votes.ts';
import { applyExtension } from './apply-extension.ts';
import { lettingInBy, requireOpen } from './locked.ts';

/** What became of an item that everybody needed has agreed to. */
export interface Settled {
  readonly request: AccessRequest;
  readonly events: readonly LedgerEvent[];
}

/** What an approved item comes to: its grant, or why there is none. */
export type Approved =
  | { readonly grantId: string; readonly events: readonly LedgerEvent[] }
  | { readonly deniedBecause: string; readonly events: readonly LedgerEvent[] };

/**
 * Begins or extends the grant of an item whose seats are filled, or denies the item when its workflow would no longer let the subject
 * in or the approvals leave nothing. The request is locked by this transaction, or new in it.
 * @throws AccessError LOCKED when a lock stops it, EVALUATION_FAILED when there is no answer: the item stays pending
 */
export async function approveItem(
  trx: Trx,
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  now: Date,
): Promise<Settled> {
  requireOpen(replica, lettingInBy(request, item), now);
  const votes = countVotes(replica, request, item, now);
  const refused = approvalRefusal(replica, request, item, votes, now);
  if (refused !== undefined) return await deny(trx, request, item, { because: refused, now });
  const approved =
    request.extends === undefined
      ? await beginGrant(trx, request, item, votes, now)
      : await applyExtension(trx, replica, { request, item, extends: request.extends, votes, now });
  if ('deniedBecause' in approved) {
    const denied = await deny(trx, request, item, { because: approved.deniedBecause, now });
    return { ...denied, events: [...approved.events, ...denied.events] };
  }
  const resolved = await resolveItems(trx, request, [{ item: item.item, state: 'APPROVED', at: now }]);
  return { request: withGrant(resolved, item, approved.grantId), events: approved.events };
}

/** Why an item with these votes is denied though all agree; undefined when it is not. */
export function approvalRefusal(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  { terms }: CountedVotes,
  now: Date,
): string | undefined {
  if (!isLetIn(replica, request, item, now))
    return `workflow ${item.workflow.id} (${formatSteps(item.workflow.steps)}) no longer lets the subject in`;
  const { startsAt, expiresAt } = windowOf(request, terms, now);
  return terms.actions.length === 0 || startsAt >= expiresAt
    ? 'the approvals together leave nothing'
    : undefined;
}

async function deny(
  trx: Trx,
  request: AccessRequest,
  { item }: RequestItem,
  { because, now }: { readonly because: string; readonly now: Date },
): Promise<Settled> {
  return {
    request: await resolveItems(trx, request, [{ item, state: 'DENIED', at: now, because }]),
    events: [{ kind: 'ITEM_DENIED', at: now, actor: SYSTEM_ACTOR, requestId: request.id, item, because }],
  };
}

function withGrant(request: AccessRequest, { item }: RequestItem, grantId: string): AccessRequest {
  return {
    ...request,
    items: request.items.map((it) =>
      it.item === item ? { ...it, grantId, isOwed: request.breakGlass && request.extends === undefined } : it,
    ),
  };
}
