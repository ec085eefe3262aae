import { isDeepStrictEqual } from 'node:util';
import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import type { Workflow } from '../../core/access/workflow.ts';
import type { Database } from '../../core/store/connect.ts';
import { submittedRevision } from '../../core/store/grants.ts';
import { findKey, takeKey, type UsedKey } from '../../core/store/idempotency.ts';
import { insertRequest } from '../../core/store/request-changes.ts';
import { lockRequest } from '../../core/store/requests.ts';
import { send } from '../../core/store/statement.ts';
import { clockCall, nowOf, type Outcome, type Trx } from '../../core/store/transition.ts';
import {
  clockOfReads,
  DecideAgain,
  decidePlanned,
  type Decided,
  type Finish,
  type GrantContext,
} from './context.ts';
import { requireRoom, requireRoomLeft, roomFor } from './open-limits.ts';
import { type Asked, planRequest, requireAnswerable } from './plan-request.ts';
import { wholeSearch } from './reviewers.ts';
import { startGrant } from './start-grant.ts';

/** An idempotency key with what it stands for. */
export interface CallKey {
  readonly key: string;
  /** SHA-256 of the call's body. */
  readonly bodyHash: Uint8Array;
}

/**
 * Submits a request; items whose workflow needs nobody are granted in the same transaction.
 * @throws AccessError of `planRequest`, UNANSWERABLE, TOO_MANY_OPEN, IDEMPOTENCY_KEY_REUSED
 */
export async function requestAccess(
  context: GrantContext,
  asked: Asked,
  { callKey, signal }: { readonly callKey?: CallKey | undefined; readonly signal?: AbortSignal } = {},
): Promise<Decided<AccessRequest>> {
  const { replica } = context.followed;
  const decided = await decidePlanned(context, {
    plan: async () => {
      // A repeated call gets its answer even if it could not be made any more.
      if (callKey !== undefined && (await findEarlier(context.database, asked.requester, callKey))) return [];
      const now = clockOfReads(context);
      const planned = planRequest(replica, asked, now);
      await requireRoomLeft(context.database, asked.requester, roomFor(asked, planned.items));
      await requireAnswerable(replica, planned, wholeSearch(now, signal));
      return planned.items;
    },
    work: async (trx, planned) => {
      const earlierId = callKey === undefined ? undefined : await findEarlier(trx, asked.requester, callKey);
      const earlier = earlierId === undefined ? undefined : await lockRequest(trx, earlierId);
      return earlier === undefined
        ? await submit(trx, context, { asked, planned, callKey })
        : answer(earlier.row);
    },
  });
  if (decided.revision > 0n) return decided;
  return { ...decided, revision: await submittedRevision(context.database, decided.result.id) };
}

/** The id of the request that the caller made with this key. @throws AccessError IDEMPOTENCY_KEY_REUSED */
async function findEarlier(
  reader: Database | Trx,
  caller: EntityUid,
  { key, bodyHash }: CallKey,
): Promise<string | undefined> {
  const used: UsedKey | undefined = await findKey(reader, uidKey(caller), key);
  if (used === undefined) return undefined;
  if (Buffer.compare(used.bodyHash, bodyHash) !== 0) {
    throw new AccessError(
      'IDEMPOTENCY_KEY_REUSED',
      `idempotency_key: ${JSON.stringify(key)} stands for another request of yours; use a new key for a new request`,
      { metadata: { request_id: used.requestId } },
    );
  }
  return used.requestId;
}

interface Submission {
  readonly asked: Asked;
  /** The items for which reviewers were found. */
  readonly planned: readonly RequestItem[];
  readonly callKey: CallKey | undefined;
}

async function submit(
  trx: Trx,
  context: GrantContext,
  { asked, planned, callKey }: Submission,
): Promise<Outcome<Finish<AccessRequest>>> {
  const { replica } = context.followed;
  const room = roomFor(asked, planned);
  const clock = clockCall();
  await send(trx, clock, ...room.counting);
  requireRoom(context.database, asked.requester, room);
  const now = nowOf(clock);
  // Planned once more: workflows may ask what time it is, and the time that counts is the database's, now.
  let request = planRequest(replica, asked, now);
  if (!isDeepStrictEqual(workflowsOf(request.items), workflowsOf(planned)))
    throw new DecideAgain('other workflows let the subject in than a moment ago');
  await insertRequest(trx, request);
  if (
    callKey !== undefined &&
    !(await takeKey(trx, { caller: uidKey(asked.requester), ...callKey, requestId: request.id }))
  ) {
    throw new DecideAgain('another call with this idempotency key came at the same moment');
  }
  const events: LedgerEvent[] = [submitted(request, replica.engine.policies.digest)];
  for (const item of request.items.filter((it) => it.workflow.steps.length === 0)) {
    const started = await startGrant(trx, replica, request, item, now);
    request = started.request;
    events.push(...started.events);
  }
  return { events, result: () => request, guards: room.guards };
}

function workflowsOf(items: readonly RequestItem[]): readonly Workflow[] {
  return items.map((item) => item.workflow);
}

function answer(request: AccessRequest): Outcome<Finish<AccessRequest>> {
  return { events: [], result: () => request };
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
    requestHash: Buffer.from(request.requestHash).toString('hex'),
    policyDigest,
    text: JSON.stringify({ reason: request.reason, ticket: request.ticket }),
  };
}
