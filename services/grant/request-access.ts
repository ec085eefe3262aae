import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import { type AccessRequest } from '../../core/access/request.ts';
import { firstRevision } from '../../core/store/grants.ts';
import { findKey, takeKey, type UsedKey } from '../../core/store/idempotency.ts';
import { insertRequest, lockRequest } from '../../core/store/requests.ts';
import { type Outcome, readClock, type Trx } from '../../core/store/transition.ts';
import {
  catchUp,
  clockOfReads,
  DecideAgain,
  decide,
  type Decided,
  type Finish,
  type GrantContext,
} from './context.ts';
import { type Asked, planRequest } from './plan-request.ts';
import { startGrant } from './start-grant.ts';

/** An idempotency key with what it stands for. */
export interface CallKey {
  readonly key: string;
  /** SHA-256 of the call's body. */
  readonly bodyHash: Uint8Array;
}

/**
 * Submits a request; items whose workflow needs nobody are granted in the same transaction.
 * @throws AccessError of `planRequest`, IDEMPOTENCY_KEY_REUSED
 */
export async function requestAccess(
  context: GrantContext,
  asked: Asked,
  callKey?: CallKey,
): Promise<Decided<AccessRequest>> {
  const decided = await decide(context, async (trx) => {
    const earlier = callKey === undefined ? undefined : await findEarlier(trx, asked.requester, callKey);
    return earlier === undefined ? await submit(trx, context, asked, callKey) : answer(earlier);
  });
  if (decided.revision > 0n) return decided;
  return { ...decided, revision: await firstRevision(context.database, { requestId: decided.result.id }) };
}

/** What the request would be; writes nothing. @throws AccessError of `planRequest` */
export async function previewRequest(context: GrantContext, asked: Asked): Promise<AccessRequest> {
  await catchUp(context);
  return planRequest(context.followed.replica, asked, clockOfReads(context));
}

async function findEarlier(
  trx: Trx,
  caller: EntityUid,
  { key, bodyHash }: CallKey,
): Promise<AccessRequest | undefined> {
  const used: UsedKey | undefined = await findKey(trx, uidKey(caller), key);
  if (used === undefined) return undefined;
  if (Buffer.compare(used.bodyHash, bodyHash) !== 0) {
    throw new AccessError(
      'IDEMPOTENCY_KEY_REUSED',
      `idempotency_key: ${JSON.stringify(key)} stands for another request of yours; use a new key for a new request`,
      { metadata: { request_id: used.requestId } },
    );
  }
  return await lockRequest(trx, used.requestId);
}

async function submit(
  trx: Trx,
  context: GrantContext,
  asked: Asked,
  callKey: CallKey | undefined,
): Promise<Outcome<Finish<AccessRequest>>> {
  const { replica } = context.followed;
  const now = await readClock(trx);
  let request = planRequest(replica, asked, now);
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
  return { events, result: () => request };
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
