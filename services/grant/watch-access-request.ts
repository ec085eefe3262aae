import type { EntityUid } from '../../core/access/entity.ts';
import { type AccessRequest, pendingItems, requestStateAt } from '../../core/access/request.ts';
import { readRequest } from '../../core/store/requests.ts';
import { catchUp, clockOfReads, type GrantContext } from './context.ts';
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

/**
 * The request now and whenever it changes; ends when it is decided, or with the signal.
 * @throws AccessError REQUEST_NOT_FOUND, also when the caller may see it no longer
 */
export async function* watchAccessRequest(
  context: GrantContext,
  watched: { readonly id: string; readonly caller: EntityUid; readonly signal: AbortSignal },
): AsyncIterable<AccessRequest> {
  const { id, caller, signal } = watched;
  let shown = '';
  while (!signal.aborted) {
    // Listen before reading: what comes in between is then not missed.
    const change = nextChange(context, signal);
    try {
      const request = await getAccessRequest(context, id, caller);
      const now = clockOfReads(context);
      const state = requestStateAt(request, now);
      const looks = JSON.stringify([state, request.items, request.reviews]);
      if (looks !== shown) yield request;
      shown = looks;
      if (state !== 'PENDING') return;
      await change.within(msToNextLapse(request, now));
    } finally {
      change.stop();
    }
  }
}

function msToNextLapse(request: AccessRequest, now: Date): number {
  return Math.min(...pendingItems(request, now).map((item) => item.expiresAt.getTime() - now.getTime()));
}

/** A timer cannot wait longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function nextChange(context: GrantContext, signal: AbortSignal) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stopListening = context.followed.follower.onAdvance(resolve);
  const onAbort = (): void => resolve();
  signal.addEventListener('abort', onAbort);
  let timer: NodeJS.Timeout | undefined;
  return {
    within: async (ms: number): Promise<void> => {
      timer = setTimeout(resolve, Math.min(Math.max(ms, 1), MAX_TIMER_MS));
      await promise;
    },
    stop: (): void => {
      stopListening();
      signal.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    },
  };
}
