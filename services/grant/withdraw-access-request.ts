import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, sameUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import { type AccessRequest, pendingItems, requestStateAt } from '../../core/access/request.ts';
import { resolveItems } from '../../core/store/request-changes.ts';
import { lockRequest } from '../../core/store/requests.ts';
import type { Trx } from '../../core/store/transition.ts';
import { by, decide, type Decided, type GrantContext, refuse } from './context.ts';
import { lapseRequest } from './lapses.ts';
import { requestNotFound } from './review-access-request.ts';
import { maySee } from './rights.ts';

/**
 * Takes a pending request back. Items already approved keep their grants; those are released or revoked on their own.
 * @throws AccessError REQUEST_NOT_FOUND, NOT_PERMITTED, REQUEST_NOT_PENDING
 */
export async function withdrawAccessRequest(
  context: GrantContext,
  id: string,
  caller: EntityUid,
): Promise<Decided<AccessRequest>> {
  const { replica } = context.followed;
  return await decide(by(context, caller), async (trx) => {
    const found = await lockRequest(trx, id);
    if (found === undefined) throw requestNotFound(id);
    const { now } = found;
    if (!maySee(replica, found.row, caller, now)) throw requestNotFound(id);
    const { row, events } = await lapseRequest(trx, found.row, now);
    const refused = refusal(row, caller, now);
    if (refused !== undefined) return { events, result: refuse(refused) };
    const withdrawn = await withdrawPending(trx, row, { actor: uidKey(caller), because: '', now });
    return { events: [...events, ...withdrawn.events], result: () => withdrawn.request };
  });
}

function refusal(request: AccessRequest, caller: EntityUid, now: Date): AccessError | undefined {
  if (!sameUid(caller, request.requester) && !sameUid(caller, request.subject)) {
    return new AccessError(
      'NOT_PERMITTED',
      'only the requester and the subject withdraw a request; a reviewer denies it instead',
    );
  }
  if (pendingItems(request, now).length > 0) return undefined;
  return new AccessError(
    'REQUEST_NOT_PENDING',
    `the request is ${requestStateAt(request, now)}, withdrawing wants it PENDING; release or revoke its grants instead`,
  );
}

/** Why and by whom pending items are taken back. */
export interface Withdrawal {
  readonly actor: string;
  /** Empty when a party simply took it back. */
  readonly because: string;
  readonly now: Date;
}

/** Withdraws the pending items of a locked request; none pending changes nothing. */
export async function withdrawPending(
  trx: Trx,
  request: AccessRequest,
  { actor, because, now }: Withdrawal,
): Promise<{ readonly request: AccessRequest; readonly events: readonly LedgerEvent[] }> {
  const items = pendingItems(request, now).map((item) => item.item);
  if (items.length === 0) return { request, events: [] };
  const resolved = await resolveItems(
    trx,
    request,
    items.map((item) => ({ item, state: 'WITHDRAWN', at: now, because })),
  );
  return {
    request: resolved,
    events: [{ kind: 'REQUEST_WITHDRAWN', at: now, actor, requestId: request.id, items, because }],
  };
}
