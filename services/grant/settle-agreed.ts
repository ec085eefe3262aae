import { AccessError } from '../../core/access/access-error.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import { type AccessRequest, pendingItems, type RequestItem } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { lockRequest, pendingRequestsApproved } from '../../core/store/requests.ts';
import { approvalRefusal, approveItem } from './approve-item.ts';
import { bySystem, clockOfReads, decide, type GrantContext } from './context.ts';
import { countVotes } from './counted-votes.ts';
import { takeTurns } from './give-way.ts';
import { isPassing } from './jobs/write-lapses.ts';
import { lapseRequest } from './lapses.ts';
import { lettingInBy, lockAgainst } from './locked.ts';
import { lookAfterChanges } from './look-after-changes.ts';

/**
 * Looks at pending requests after every change of policies, directory or locks: votes count by what is so now, so that a change, such as
 * a lock on a reviewer that is lifted, can fill the last seat when nobody is left to vote.
 * @returns what ends it
 */
export function settleAfterChanges(context: GrantContext, log: Logger): () => Promise<void> {
  return lookAfterChanges(context, log, {
    stampOf: (replica) => replica.basisRevision,
    look: (signal) => settleAgreed(context, signal),
    trouble: 'requests that everybody has agreed to could not be granted yet',
  });
}

/**
 * Grants what everybody needed has agreed to, wherever that has come about without a vote.
 * @throws AccessError DATABASE_UNAVAILABLE, NOT_READY, CONFLICT: then the rest waits
 * @throws Error when some could not be granted; all others are
 */
export async function settleAgreed(context: GrantContext, signal: AbortSignal): Promise<void> {
  const giveWay = takeTurns();
  const failures: unknown[] = [];
  let after: string | undefined;
  do {
    const page = await pendingRequestsApproved(context.database, { after, size: PAGE });
    for (const request of page) {
      await giveWay(signal);
      const failure = await tryToSettle(context, request);
      if (failure !== undefined) failures.push(failure);
    }
    after = page.length < PAGE ? undefined : page.at(-1)?.id;
  } while (after !== undefined);
  if (failures.length > 0)
    throw new Error(`${failures.length} agreed requests could not be granted`, { cause: failures[0] });
}

const PAGE = 100;

/** @returns why it could not be granted, undefined when it is */
async function tryToSettle(context: GrantContext, request: AccessRequest): Promise<unknown> {
  try {
    const isAgreed = agreedItems(context.followed.replica, request, clockOfReads(context)).length > 0;
    if (isAgreed) await settle(context, request.id);
    return undefined;
  } catch (error) {
    if (isPassing(error) || (error instanceof AccessError && error.reason === 'CONFLICT')) throw error;
    return new Error(`request ${request.id}`, { cause: error });
  }
}

/** Starts the grants of a request whose seats are filled. */
async function settle(context: GrantContext, id: string): Promise<void> {
  const { replica } = context.followed;
  await decide(bySystem(context), async (trx) => {
    const found = await lockRequest(trx, id);
    if (found === undefined) return { events: [], result: () => undefined };
    const { now } = found;
    const lapsed = await lapseRequest(trx, found.row, now);
    let request = lapsed.row;
    const events: LedgerEvent[] = [...lapsed.events];
    for (const item of agreedItems(replica, request, now)) {
      const settled = await approveItem(trx, replica, request, item, now);
      request = settled.request;
      events.push(...settled.events);
    }
    return { events, result: () => undefined };
  });
}

/** Pending items with a full seating that nothing stops. What would be denied waits: it may change again, and votes can be taken back. */
function agreedItems(replica: Replica, request: AccessRequest, now: Date): readonly RequestItem[] {
  return pendingItems(request, now).filter((item) => {
    if (item.workflow.steps.length === 0) return false;
    if (lockAgainst(replica, lettingInBy(request, item), now) !== undefined) return false;
    const votes = countVotes(replica, request, item, now);
    return votes.isComplete && approvalRefusal(replica, request, item, votes, now) === undefined;
  });
}
