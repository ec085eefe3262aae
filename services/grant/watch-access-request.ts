import type { EntityUid } from '../../core/access/entity.ts';
import { type AccessRequest, pendingItems, requestStateAt } from '../../core/access/request.ts';
import { readRequest } from '../../core/store/requests.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
import type { RequestWatches } from './request-watches.ts';
import { requestNotFound } from './review-access-request.ts';
import { maySee } from './rights.ts';

/** Reads a request that the caller may see. @throws AccessError REQUEST_NOT_FOUND */
export async function getAccessRequest(
  context: GrantContext,
  id: string,
  caller: EntityUid,
): Promise<AccessRequest> {
  await catchUp(context);
  const request = await readRequest(context.database, id);
  if (request === undefined || !maySee(context.followed.replica, request, caller, clockOfReads(context)))
    throw requestNotFound(id);
  return request;
}

/** Which request somebody watches, and for how long. */
export interface Watched {
  readonly id: string;
  readonly caller: EntityUid;
  readonly signal: AbortSignal;
}

/**
 * The request now and whenever it changes; ends when it is decided, or with the signal.
 * @throws AccessError REQUEST_NOT_FOUND, also when the caller may see it no longer; TOO_MUCH
 */
export async function* watchAccessRequest(
  context: GrantContext,
  watches: RequestWatches,
  { id, caller, signal }: Watched,
): AsyncIterable<AccessRequest> {
  // Listen before reading: what comes in between is then not missed.
  const watch = watches.open(id, caller);
  try {
    let request = await getAccessRequest(context, id, caller);
    let shown = '';
    while (!signal.aborted) {
      const now = clockOfReads(context);
      if (!maySee(context.followed.replica, request, caller, now)) throw requestNotFound(id);
      const state = requestStateAt(request, now);
      const looks = JSON.stringify([state, request.items, request.reviews]);
      if (looks !== shown) yield request;
      shown = looks;
      if (state !== 'PENDING') return;
      const read = await watch.next(signal, msToNextLapse(request, now));
      request = (await read?.()) ?? request;
    }
  } finally {
    watch.close();
  }
}

function msToNextLapse(request: AccessRequest, now: Date): number {
  return Math.min(...pendingItems(request, now).map((item) => item.expiresAt.getTime() - now.getTime()));
}
