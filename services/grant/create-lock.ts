import { randomUUID } from 'node:crypto';
import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { formatDuration } from '../../core/access/duration.ts';
import { type EntityUid, formatUid, uidKey } from '../../core/access/entity.ts';
import type { EventOfKind } from '../../core/access/event.ts';
import type { Lock, LockTarget, RecordedLock } from '../../core/access/lock.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { Database } from '../../core/store/connect.ts';
import { lockGrant } from '../../core/store/grants.ts';
import { takeKey } from '../../core/store/idempotency.ts';
import { insertLock, readMadeLock } from '../../core/store/locks.ts';
import { type Outcome, readClock, type Trx } from '../../core/store/transition.ts';
import { type CallKey, findMade } from './call-key.ts';
import { by, clockOfReads, decide, type Decided, type Finish, type GrantContext, refuse } from './context.ts';
import { grantEnded, grantNotFound, maySeeGrant, requireReason } from './end-grant.ts';
import { lapseGrant } from './lapses.ts';
import { lockQuestions, mayLock, type Stopped } from './lock-rights.ts';
import { notPermitted } from './rights.ts';

/** What somebody wants to stop, and for how long. */
export interface AskedLock {
  readonly target: LockTarget;
  readonly caller: EntityUid;
  readonly reason: string;
  /** Until it is lifted if undefined. */
  readonly durationMs: number | undefined;
}

interface KeyedLock extends AskedLock {
  readonly callKey?: CallKey | undefined;
}

/** A longer one is a mistake: one without an end is lifted when it is done. */
const MAX_DURATION_MS = 366 * 86_400_000;

/**
 * Stops an entity and whatever is inside of it, a grant, or everything. What was decided before it and is not yet written is decided
 * again. The same call with the same key gets the lock that it made, also when that stops the caller by now.
 * @throws AccessError LOCKED, NOT_PERMITTED, ENTITY_UNKNOWN, GRANT_NOT_FOUND, GRANT_ENDED, FIELD_INVALID, IDEMPOTENCY_KEY_REUSED
 */
export async function createLock(
  context: GrantContext,
  asked: AskedLock,
  callKey?: CallKey,
): Promise<Decided<RecordedLock>> {
  requireReason(asked.reason);
  requireDuration(asked.durationMs);
  const database = connectionsFor(context, 'lock', asked);
  const known = await findEarlier(database, asked.caller, callKey);
  if (known !== undefined) return known;
  const { replica } = context.followed;
  const work = (trx: Trx): Promise<Outcome<Finish<RecordedLock>>> =>
    asked.target.kind === 'grant'
      ? onGrant(trx, replica, { ...asked, callKey }, asked.target.grantId)
      : onOther(trx, replica, { ...asked, callKey }, asked.target);
  try {
    return await decide(by(context, asked.caller), work, database);
  } catch (error) {
    // It may have been made meanwhile, and even stop this caller.
    const made = await findEarlier(database, asked.caller, callKey);
    if (made !== undefined) return made;
    throw error;
  }
}

/** What the caller made by the same call. @throws AccessError IDEMPOTENCY_KEY_REUSED */
async function findEarlier(
  database: Database,
  caller: EntityUid,
  callKey: CallKey | undefined,
): Promise<Decided<RecordedLock> | undefined> {
  const made = callKey === undefined ? undefined : await findMade(database, caller, 'lock', callKey);
  const read = made === undefined ? undefined : await readMadeLock(database, made.id);
  return read === undefined ? undefined : { result: read.lock, revision: read.revision };
}

/** Stopping something works when all else is overloaded, for whoever may do it: memory says so, and it is decided again. */
export function connectionsFor(
  context: GrantContext,
  right: 'lock' | 'unlock',
  { target, caller }: Pick<AskedLock, 'target' | 'caller'>,
): Database {
  const { replica } = context.followed;
  const grant = target.kind === 'grant' ? replica.grants.get(target.grantId) : undefined;
  const isKnown = target.kind !== 'grant' || grant !== undefined;
  const asking = { caller, now: clockOfReads(context) };
  const may =
    isKnown && replica.policies.kind === 'ready' && mayLock(replica, right, { target, grant }, asking);
  return may ? context.revokeDatabase : context.database;
}

function requireDuration(durationMs: number | undefined): void {
  if (durationMs === undefined || (durationMs > 0 && durationMs <= MAX_DURATION_MS)) return;
  const wanted =
    'wanted an end that is to come, at most 366 days from now; leave it out to lock until it is lifted';
  throw fieldError('duration', `seen ${formatDuration(durationMs)}, ${wanted}`);
}

async function onGrant(
  trx: Trx,
  replica: Replica,
  asked: KeyedLock,
  grantId: string,
): Promise<Outcome<Finish<RecordedLock>>> {
  const found = await lockGrant(trx, grantId);
  if (found === undefined) throw grantNotFound(grantId);
  const { now, row: before } = found;
  const { caller, target } = asked;
  const on = { target, grant: before.grant };
  if (!mayLock(replica, 'lock', on, { caller, now }))
    throw maySeeGrant(replica, before.grant, caller, now) ? refusal(on, caller, now) : grantNotFound(grantId);
  const { row, events } = await lapseGrant(trx, replica, before, now);
  if (row.recorded.state === 'ENDED') return { events, result: refuse(grantEnded(row.recorded)) };
  const { lock, event } = await writeLock(trx, asked, now);
  return { events: [...events, event], result: () => lock };
}

async function onOther(
  trx: Trx,
  replica: Replica,
  asked: KeyedLock,
  target: Exclude<LockTarget, { readonly kind: 'grant' }>,
): Promise<Outcome<Finish<RecordedLock>>> {
  if (target.kind === 'entity') requireKnown(replica, target.uid, 'entity');
  const now = await readClock(trx);
  const on = { target, grant: undefined };
  if (!mayLock(replica, 'lock', on, { caller: asked.caller, now })) throw refusal(on, asked.caller, now);
  const { lock, event } = await writeLock(trx, asked, now);
  return { events: [event], result: () => lock };
}

function refusal(on: Stopped, caller: EntityUid, now: Date): Error {
  return notPermitted(lockQuestions('lock', on, { caller, now })[0]);
}

/** @throws AccessError ENTITY_UNKNOWN */
export function requireKnown({ directory }: Replica, uid: EntityUid, field: string): void {
  if (directory.has(uid)) return;
  throw fieldError(field, `seen ${formatUid(uid)}, which the directory does not have`, 'ENTITY_UNKNOWN');
}

/** Writes a lock that the caller may create, and what its key stands for. */
export async function writeLock(
  trx: Trx,
  { target, caller, reason, durationMs, callKey }: KeyedLock,
  now: Date,
): Promise<{ readonly lock: RecordedLock; readonly event: EventOfKind<'LOCK_CREATED'> }> {
  const expiresAt = durationMs === undefined ? undefined : new Date(now.getTime() + durationMs);
  const lock: Lock = { id: randomUUID(), target, reason, createdBy: caller, createdAt: now, expiresAt };
  await insertLock(trx, lock);
  const made = { kind: 'lock', id: lock.id, isExisting: false } as const;
  if (callKey !== undefined && !(await takeKey(trx, { caller: uidKey(caller), ...callKey, made })))
    throw new AccessError('CONFLICT', 'another call with this idempotency key came at the same moment');
  const event = {
    kind: 'LOCK_CREATED',
    at: now,
    actor: uidKey(caller),
    lockId: lock.id,
    ...aboutGrant(target),
    target,
    createdBy: caller,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    text: reason,
  } as const;
  return { lock: { ...lock, lifted: undefined }, event };
}

/** So that the history of a grant has its locks. */
export function aboutGrant(target: LockTarget): { readonly grantId?: string } {
  return target.kind === 'grant' ? { grantId: target.grantId } : {};
}
