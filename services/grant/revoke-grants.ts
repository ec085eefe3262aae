import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import { isFault, toRpcStatus } from '../../core/rpc/status.ts';
import { fromProtoUid } from '../../core/rpc/uid.ts';
import type { Logger } from '../../core/runtime/log.ts';
import {
  firstRevisions,
  type GrantSelector,
  liveGrantIds,
  type RecordedGrant,
} from '../../core/store/grants.ts';
import { GrantSchema } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  RevokeFailureSchema,
  type RevokeGrantsRequest,
  type RevokeGrantsResponseSchema,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { clockOfReads, type GrantContext } from './context.ts';
import { requireReason, revokeGrant } from './end-grant.ts';
import { findRevocable, type Refusal } from './find-revocable.ts';
import { requireFree } from './locked.ts';
import { presentGrant } from './present-grant.ts';

/** Who revokes, and how long they wait. */
export interface RevokeCall {
  readonly caller: EntityUid;
  readonly deadline?: Date | undefined;
  readonly signal: AbortSignal;
  readonly log: Pick<Logger, 'error'>;
}

/** Kept of the call's time for telling what has ended. */
const ANSWER_MS = 500;

/**
 * Ends each selected grant that the caller may revoke, one transaction each, and says of each of the others why not; of those too for
 * which the call's time was too short. What has ended stays ended and is told, whatever happens to the rest.
 */
export async function revokeGrants(
  context: GrantContext,
  message: RevokeGrantsRequest,
  call: RevokeCall,
): Promise<MessageInitShape<typeof RevokeGrantsResponseSchema>> {
  requireReason(message.reason);
  requireFree(context.followed.replica, call.caller, clockOfReads(context));
  const ids = await selected(context, message);
  // Who names a subject or a resource learns nothing of grants that they may not see.
  const isNamed = message.ids.length > 0;
  const { sure, rest } = await findRevocable(context, ids, call);
  const first = await endAll(context, sure, { ...call, reason: message.reason });
  const others = await rest;
  const tried = isNamed ? others.permitted : [...others.permitted, ...others.unclear.map(({ id }) => id)];
  const second = await endAll(context, tried, { ...call, reason: message.reason });
  const refused = [...others.refused, ...(isNamed ? others.unclear : [])];
  const failures = [...first.failed, ...second.failed, ...refused].filter(
    ({ error }) => isNamed || !(error instanceof AccessError && error.reason === 'GRANT_NOT_FOUND'),
  );
  const failed = failures.map(({ id, error }) => {
    if (isFault(error)) call.log.error({ err: error, grantId: id }, 'a grant could not be revoked');
    return create(RevokeFailureSchema, { id, status: toRpcStatus(error) });
  });
  const ended = await present(context, [...first.ended, ...second.ended], call);
  return { ended, failed, revision: second.revision > 0n ? second.revision : first.revision };
}

interface Ended {
  readonly ended: readonly RecordedGrant[];
  readonly failed: readonly Refusal[];
  /** Of the last end; 0 when there was none. */
  readonly revision: bigint;
}

async function endAll(
  context: GrantContext,
  ids: readonly string[],
  by: RevokeCall & { readonly reason: string },
): Promise<Ended> {
  const ended: RecordedGrant[] = [];
  const failed: Refusal[] = [];
  let last = 0n;
  const stopMs = by.deadline === undefined ? Number.POSITIVE_INFINITY : by.deadline.getTime() - ANSWER_MS;
  for (const id of ids) {
    if (by.signal.aborted || Date.now() >= stopMs) {
      failed.push({ id, error: notInTime() });
      continue;
    }
    try {
      const { result, revision } = await revokeGrant(context, id, by);
      ended.push(result);
      last = revision;
    } catch (error) {
      failed.push({ id, error });
    }
  }
  return { ended, failed, revision: last };
}

function notInTime(): AccessError {
  return new AccessError('CONFLICT', 'not done in time: the grant was not ended; call again');
}

async function present(context: GrantContext, ended: readonly RecordedGrant[], { caller }: RevokeCall) {
  const { replica } = context.followed;
  const known = (id: string) => context.firstRevisions.of(id, context.followed.follower.epoch);
  const grantIds = ended.map((row) => row.grant.id).filter((id) => known(id) === undefined);
  const revisions = await firstRevisions(context.revokeDatabase, { grantIds });
  const showing = { replica, caller, now: clockOfReads(context) };
  return ended.map((row) =>
    create(GrantSchema, presentGrant(showing, row, known(row.grant.id) ?? revisions.get(row.grant.id) ?? 0n)),
  );
}

/** How long the usual connections may take before those kept for revoking are asked. */
const BUSY_MS = 300;

async function selected(context: GrantContext, message: RevokeGrantsRequest): Promise<readonly string[]> {
  if (message.ids.length > 0) return message.ids;
  const selector = selectorOf(message);
  const usual = liveGrantIds(context.database, selector).catch((error: unknown) => {
    if (error instanceof AccessError && error.reason === 'DATABASE_UNAVAILABLE') return undefined;
    throw error;
  });
  // The connections kept for revoking are for when the others are not to be had.
  return (await within(BUSY_MS, usual)) ?? (await liveGrantIds(context.revokeDatabase, selector));
}

function selectorOf({ subject, resource, workflow }: RevokeGrantsRequest): GrantSelector {
  if (subject !== undefined) return { by: 'subject', value: uidKey(fromProtoUid(subject, 'subject')) };
  if (resource !== undefined) return { by: 'resource', value: uidKey(fromProtoUid(resource, 'resource')) };
  return workflow === '' ? { by: 'all' } : { by: 'workflow', value: workflow };
}

/** What the promise resolves to in time, else undefined. */
async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
