import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import type { Grant } from '../../core/access/grant.ts';
import { formatTarget, holdsAt, type Lift, type Lock, type RecordedLock } from '../../core/access/lock.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { readGrant } from '../../core/store/grants.ts';
import { holdLock, liftLock } from '../../core/store/locks.ts';
import type { Outcome, Trx } from '../../core/store/transition.ts';
import { by, catchUp, decide, type Decided, type Finish, type GrantContext } from './context.ts';
import { aboutGrant, connectionsFor } from './create-lock.ts';
import { requireReason } from './end-grant.ts';
import { lockNotFound, lockQuestions, mayLock, maySeeLock } from './lock-rights.ts';
import { isOwnLock } from './locked.ts';
import { notPermitted } from './rights.ts';

/** Which lock somebody lifts, and why. */
export interface AskedLift {
  readonly id: string;
  readonly caller: EntityUid;
  readonly reason: string;
}

/**
 * Lifts a lock. Nobody lifts one that stops themselves, whatever policies say.
 * @throws AccessError LOCK_NOT_FOUND, SELF_UNLOCK, LOCKED, NOT_PERMITTED, LOCK_LIFTED, FIELD_INVALID
 */
export async function deleteLock(context: GrantContext, asked: AskedLift): Promise<Decided<RecordedLock>> {
  requireReason(asked.reason);
  const { id, caller } = asked;
  const { replica } = context.followed;
  const known = replica.locks.get(id);
  const usual = context.database;
  const database = known === undefined ? usual : connectionsFor(context, 'unlock', { ...known, caller });
  await catchUp(context, database);
  const standing = replica.locks.get(id);
  // Said here, for whoever is locked does not come to the decision itself.
  if (standing !== undefined)
    requireNotOwn(replica, standing, caller, replica.grants.get(grantIdOf(standing)));
  return await decide(by(context, caller), (trx) => lift(trx, replica, asked), database);
}

async function lift(
  trx: Trx,
  replica: Replica,
  { id, caller, reason }: AskedLift,
): Promise<Outcome<Finish<RecordedLock>>> {
  const found = await holdLock(trx, id);
  if (found === undefined) throw lockNotFound(id);
  const { row: lock, now } = found;
  const { target } = lock;
  const grant = target.kind === 'grant' ? (await readGrant(trx, target.grantId))?.grant : undefined;
  if (!maySeeLock(replica, lock, grant, { caller, now })) throw lockNotFound(id);
  requireNotOwn(replica, lock, caller, grant);
  const on = { target, grant };
  if (!mayLock(replica, 'unlock', on, { caller, now }))
    throw notPermitted(lockQuestions('unlock', on, { caller, now })[0]);
  requireStanding(lock, now);
  // A clock that was set back must not lift a lock before it was there.
  const lifted: Lift = { at: now < lock.createdAt ? lock.createdAt : now, by: caller, reason };
  await liftLock(trx, id, lifted);
  const event: LedgerEvent = {
    kind: 'LOCK_LIFTED',
    at: now,
    actor: uidKey(caller),
    lockId: id,
    ...aboutGrant(target),
    target,
    text: reason,
  };
  return { events: [event], result: () => ({ ...lock, lifted }) };
}

function grantIdOf({ target }: Lock): string {
  return target.kind === 'grant' ? target.grantId : '';
}

function requireNotOwn(replica: Replica, lock: Lock, caller: EntityUid, grant: Grant | undefined): void {
  if (!isOwnLock(replica, lock, caller, grant?.subject)) return;
  const message = `the lock on ${formatTarget(lock.target)} stops you too, and nobody lifts a lock on themselves; somebody else has to`;
  throw new AccessError('SELF_UNLOCK', message, { metadata: { lock_id: lock.id } });
}

function requireStanding({ id, lifted, expiresAt, ...lock }: RecordedLock, now: Date): void {
  if (lifted === undefined && holdsAt({ expiresAt }, now)) return;
  const how =
    lifted === undefined
      ? `ended at ${expiresAt?.toISOString() ?? ''}`
      : `was lifted at ${lifted.at.toISOString()} by ${uidKey(lifted.by)}`;
  const message = `lock ${id} on ${formatTarget(lock.target)} ${how}; nothing is left to lift`;
  throw new AccessError('LOCK_LIFTED', message, { metadata: { lock_id: id } });
}
