import { AccessError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import type { Grant } from '../../core/access/grant.ts';
import type { Lock, LockTarget } from '../../core/access/lock.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { isOwnLock } from './locked.ts';
import { isPermitted, type RightQuestion } from './rights.ts';

/** What a lock stops, with the grant if it is one. */
export interface Stopped {
  readonly target: LockTarget;
  readonly grant: Grant | undefined;
}

/** Somebody who asks about a lock. */
export interface Asking {
  readonly caller: EntityUid;
  readonly now: Date;
}

/** Whether the caller may create or lift locks on it: of a grant whoever may on its resource or on its subject. */
export function mayLock(replica: Replica, right: 'lock' | 'unlock', on: Stopped, asking: Asking): boolean {
  return lockQuestions(right, on, asking).some((question) => isPermitted(replica, question));
}

/** What that asks the policies, at least one. */
export function lockQuestions(
  right: 'lock' | 'unlock',
  { target, grant }: Stopped,
  { caller: principal, now }: Asking,
): readonly [RightQuestion, ...RightQuestion[]] {
  const about = (resource: EntityUid): RightQuestion => ({ right, principal, resource, now });
  if (target.kind === 'entity') return [about(target.uid)];
  return grant === undefined ? [about(SYSTEM)] : [about(grant.resource), about(grant.subject)];
}

/** Who may see a lock: whom it stops, whoever may create or lift it, and who audits or administers. */
export function maySeeLock(replica: Replica, lock: Lock, grant: Grant | undefined, asking: Asking): boolean {
  const { caller: principal, now } = asking;
  if (isOwnLock(replica, lock, principal, grant?.subject)) return true;
  const on = { target: lock.target, grant };
  return (
    (['lock', 'unlock'] as const).some((right) => mayLock(replica, right, on, asking)) ||
    (['audit', 'administer'] as const).some((right) =>
      isPermitted(replica, { right, principal, resource: SYSTEM, now }),
    )
  );
}

export function lockNotFound(id: string): AccessError {
  return new AccessError('LOCK_NOT_FOUND', `id: there is no lock ${id}, or none that you may see`);
}
