import type { LedgerEvent } from '../../core/access/event.ts';
import { AccessError } from '../../core/access/access-error.ts';
import { type AccessRequest, hashWish, requestStateAt } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { lockRequest } from '../../core/store/requests.ts';
import type { Standing } from '../../core/store/standing.ts';
import type { Trx } from '../../core/store/transition.ts';
import { lapseRequest } from './lapses.ts';
import { maySee } from './rights.ts';

/** What is there of a request already. */
export interface Existing {
  readonly request: AccessRequest | undefined;
  /** What was found lapsed on the way, and is written down. */
  readonly events: readonly LedgerEvent[];
  /** Requests by which the subject holds it, but that are no answer: the requester may not see them, or a lock stops a grant of theirs. */
  readonly unfit: readonly string[];
}

/**
 * The request that asks for the very same as this one and is pending, or by which the subject holds what it asks for. Whoever asks again
 * gets what is there, so that no votes are asked for and no time is had twice.
 */
export async function findExisting(
  trx: Trx,
  replica: Replica,
  planned: AccessRequest,
  { pendingId, held, now }: Standing,
): Promise<Existing> {
  const found = pendingId === undefined ? undefined : await lockRequest(trx, pendingId);
  const lapsed = found === undefined ? undefined : await lapseRequest(trx, found.row, now);
  const events = lapsed?.events ?? [];
  if (lapsed !== undefined && requestStateAt(lapsed.row, now) === 'PENDING') {
    if (!hashWish(lapsed.row).equals(hashWish(planned))) throw alreadyAsked(lapsed.row);
    return { request: lapsed.row, events, unfit: [] };
  }
  const unfit: string[] = [];
  for (const { requestId, grantIds } of held) {
    const isStopped = grantIds.some((id) => replica.locks.onGrant(id, now).length > 0);
    const locked = isStopped ? undefined : await lockRequest(trx, requestId);
    if (locked !== undefined && maySee(replica, locked.row, planned.requester, now))
      return { request: locked.row, events, unfit };
    unfit.push(requestId);
  }
  return { request: undefined, events, unfit };
}

/** That a grant is asked to be extended already, by somebody else or by another time. */
function alreadyAsked({ id }: Pick<AccessRequest, 'id'>): AccessError {
  const message = `an extension of the grant is asked for already: request ${id}; wait for it, or withdraw it first`;
  return new AccessError('EXTENSION_PENDING', message, { metadata: { request_id: id } });
}
