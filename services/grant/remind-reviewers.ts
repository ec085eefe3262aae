import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, sameUid, uidKey } from '../../core/access/entity.ts';
import { type AccessRequest, pendingItems, requestStateAt } from '../../core/access/request.ts';
import { lastEvents } from '../../core/store/events.ts';
import { lockRequest } from '../../core/store/requests.ts';
import { by, decide, type Decided, type GrantContext, refuse } from './context.ts';
import { lapseRequest } from './lapses.ts';
import { requestNotFound } from './review-access-request.ts';
import { maySee } from './rights.ts';

/** Reviewers are not to be worn down. */
const APART_MS = 3_600_000;

/**
 * Writes that the reviewers of a pending request are to be asked once more; whoever delivers news of the ledger tells them.
 * @throws AccessError REQUEST_NOT_FOUND, NOT_PERMITTED, REQUEST_NOT_PENDING, TOO_MUCH within an hour of the last time
 */
export async function remindReviewers(
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
    const reminded = (await lastEvents(trx, { requestIds: [id], kind: 'REVIEWERS_REMINDED' })).get(id);
    const refused = refusal(row, caller, now) ?? tooSoon(reminded, now);
    if (refused !== undefined) return { events, result: refuse(refused) };
    const event = { kind: 'REVIEWERS_REMINDED', at: now, actor: uidKey(caller), requestId: id } as const;
    return { events: [...events, event], result: () => row };
  });
}

function refusal(request: AccessRequest, caller: EntityUid, now: Date): AccessError | undefined {
  if (!sameUid(caller, request.requester) && !sameUid(caller, request.subject))
    return new AccessError('NOT_PERMITTED', 'only the requester and the subject have the reviewers reminded');
  if (pendingItems(request, now).length > 0) return undefined;
  const state = requestStateAt(request, now);
  return new AccessError('REQUEST_NOT_PENDING', `the request is ${state}: there is nobody left to remind`);
}

/** When the reviewers may be reminded again who were so last. */
export function nextReminder(last: Date): Date {
  return new Date(last.getTime() + APART_MS);
}

function tooSoon(last: Date | undefined, now: Date): AccessError | undefined {
  if (last === undefined || now >= nextReminder(last)) return undefined;
  const message = `the reviewers were reminded at ${last.toISOString()}, wanted once an hour: again from ${nextReminder(last).toISOString()} on`;
  return new AccessError('TOO_MUCH', message, { metadata: { limit: '1', unit: 'reminders an hour' } });
}
