import { isDeepStrictEqual } from 'node:util';
import { uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import { accountsOf } from '../../core/access/person.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import type { Workflow } from '../../core/access/workflow.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { Database } from '../../core/store/connect.ts';
import { submittedRevision } from '../../core/store/grants.ts';
import { takeKey } from '../../core/store/idempotency.ts';
import { owesOverdueReview } from '../../core/store/owed-reviews.ts';
import { insertRequest } from '../../core/store/request-changes.ts';
import { lockRequest } from '../../core/store/requests.ts';
import { sendLater } from '../../core/store/statement.ts';
import { findHeld, findStanding } from '../../core/store/standing.ts';
import { type Outcome, type Trx } from '../../core/store/transition.ts';
import { type CallKey, findMade } from './call-key.ts';
import {
  by,
  clockOfReads,
  DecideAgain,
  decidePlanned,
  type Decided,
  type Finish,
  type GrantContext,
} from './context.ts';
import { requireRoom, roomFor } from './open-limits.ts';
import { type Asked, planRequest, requireAnswerable } from './plan-request.ts';
import { wholeSearch } from './reviewers.ts';
import { approveItem, type Settled } from './approve-item.ts';
import { findExisting } from './find-existing.ts';

/** What became of asking. */
export interface Requested {
  readonly request: AccessRequest;
  /** Whether it was there already: the same is pending, or was granted and runs. */
  readonly isExisting: boolean;
}

/**
 * Submits a request; items whose workflow needs nobody are granted in the same transaction.
 * @throws AccessError of `planRequest`, UNANSWERABLE, TOO_MANY_OPEN, IDEMPOTENCY_KEY_REUSED
 */
export async function requestAccess(
  context: GrantContext,
  asked: Asked,
  { callKey, signal }: { readonly callKey?: CallKey | undefined; readonly signal?: AbortSignal } = {},
): Promise<Decided<Requested>> {
  const { replica } = context.followed;
  const decided = await decidePlanned(by(context, asked.requester), {
    plan: async () => {
      // A repeated call gets its answer even if it could not be made any more.
      if (callKey !== undefined && (await findMade(context.database, asked.requester, 'request', callKey)))
        return undefined;
      const now = clockOfReads(context);
      const owesReview = await owes(context.database, replica, asked);
      const planned = planRequest(replica, asked, { now, owesReview });
      await requireAnswerable(replica, planned, wholeSearch(now, signal));
      return planned;
    },
    work: async (trx, planned): Promise<Outcome<Finish<Requested>>> => {
      const made =
        callKey === undefined ? undefined : await findMade(trx, asked.requester, 'request', callKey);
      const earlier = made === undefined ? undefined : await lockRequest(trx, made.id);
      if (made === undefined || earlier === undefined)
        return await submit(trx, context, { asked, planned, callKey });
      return { events: [], result: () => ({ request: earlier.row, isExisting: made.isExisting }) };
    },
  });
  if (decided.revision > 0n) return decided;
  return { ...decided, revision: await submittedRevision(context.database, decided.result.request.id) };
}

/** Whether the subject owes a review, by whichever account, that stands in the way of more break-glass. */
export async function owes(
  reader: Database | Trx,
  { directory }: Replica,
  { breakGlass, subject }: Asked,
): Promise<boolean> {
  return breakGlass && (await owesOverdueReview(reader, accountsOf(directory, subject)));
}

interface Submission {
  readonly asked: Asked;
  /** The request for which reviewers were found; undefined when it was made before, and then not looked for again. */
  readonly planned: AccessRequest | undefined;
  readonly callKey: CallKey | undefined;
}

async function submit(
  trx: Trx,
  context: GrantContext,
  { asked, planned: foreseen, callKey }: Submission,
): Promise<Outcome<Finish<Requested>>> {
  const { replica } = context.followed;
  if (foreseen === undefined) throw new DecideAgain('what the idempotency key stood for is gone');
  const room = roomFor(foreseen);
  await sendLater(trx, ...room.counting);
  const standing = await findStanding(trx, foreseen);
  const { now } = standing;
  // Planned once more: workflows may ask what time it is, and the time that counts is the database's, now.
  const planned = planRequest(replica, asked, { now, owesReview: await owes(trx, replica, asked) });
  if (!isDeepStrictEqual(workflowsOf(planned.items), workflowsOf(foreseen.items)))
    throw new DecideAgain('other workflows let the subject in than a moment ago');
  const { request: existing, events: lapses, unfit } = await findExisting(trx, replica, planned, standing);
  if (existing === undefined) requireRoom(room);
  const request = existing ?? planned;
  if (existing === undefined) await insertRequest(trx, request);
  if (
    callKey !== undefined &&
    !(await takeKey(trx, {
      caller: uidKey(asked.requester),
      ...callKey,
      made: { kind: 'request', id: request.id, isExisting: existing !== undefined },
    }))
  ) {
    throw new DecideAgain('another call with this idempotency key came at the same moment');
  }
  if (existing !== undefined) return { events: lapses, result: () => ({ request, isExisting: true }) };
  await requireNotHeld(trx, request, unfit);
  const begun = await approveUnreviewed(trx, replica, request, now);
  const events = [...lapses, submitted(request, replica.engine.policies.digest), ...begun.events];
  return { events, guards: room.guards, result: () => ({ request: begun.request, isExisting: false }) };
}

/** What is granted at once may have been granted by another call at the same moment, which the insertion waited for. */
async function requireNotHeld(trx: Trx, request: AccessRequest, unfit: readonly string[]): Promise<void> {
  if (request.items.some((item) => item.workflow.steps.length > 0)) return;
  const held = await findHeld(trx, request);
  if (held.some(({ requestId }) => !unfit.includes(requestId)))
    throw new DecideAgain('the same was granted at the same moment');
}

/** Items that nobody need approve are granted at once. */
async function approveUnreviewed(
  trx: Trx,
  replica: Replica,
  submitted: AccessRequest,
  now: Date,
): Promise<Settled> {
  let request = submitted;
  const events: LedgerEvent[] = [];
  for (const item of request.items.filter((it) => it.workflow.steps.length === 0)) {
    const settled = await approveItem(trx, replica, request, item, now);
    request = settled.request;
    events.push(...settled.events);
  }
  return { request, events };
}

function workflowsOf(items: readonly RequestItem[]): readonly Workflow[] {
  return items.map((item) => item.workflow);
}

function submitted(request: AccessRequest, policyDigest: string): LedgerEvent {
  return {
    kind: 'REQUEST_SUBMITTED',
    at: request.createdAt,
    actor: uidKey(request.requester),
    requestId: request.id,
    requester: request.requester,
    subject: request.subject,
    items: request.items.map(({ resource, actions, workflow, expiresAt }) => ({
      resource,
      actions,
      workflow: workflow.id,
      expiresAt,
    })),
    durationMs: request.durationMs,
    ...(request.startsAt === undefined ? {} : { startsAt: request.startsAt }),
    breakGlass: request.breakGlass,
    ...(request.extends === undefined ? {} : { extends: request.extends.grantId }),
    requestHash: Buffer.from(request.requestHash).toString('hex'),
    policyDigest,
    text: JSON.stringify({ reason: request.reason, ticket: request.ticket }),
  };
}
