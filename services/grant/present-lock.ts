import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Grant } from '../../core/access/grant.ts';
import { holdsAt, type RecordedLock } from '../../core/access/lock.ts';
import { toProtoUid } from '../../core/rpc/uid.ts';
import type { LockSchema } from '../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import { isOwnLock } from './locked.ts';
import { mayLock } from './lock-rights.ts';
import type { Showing } from './present.ts';

/** The lock as the caller may see it. @param grant the one that it stops, if it is one */
export function presentLock(
  { replica, caller, now }: Showing,
  lock: RecordedLock,
  grant: Grant | undefined,
): MessageInitShape<typeof LockSchema> {
  const { target, lifted, expiresAt } = lock;
  const holds = lifted === undefined && holdsAt(lock, now);
  const isOwn = isOwnLock(replica, lock, caller, grant?.subject);
  return {
    id: lock.id,
    ...(target.kind === 'entity' ? { entity: toProtoUid(target.uid) } : {}),
    grantId: target.kind === 'grant' ? target.grantId : '',
    everything: target.kind === 'everything',
    reason: lock.reason,
    createdBy: toProtoUid(lock.createdBy),
    createdAt: timestampFromDate(lock.createdAt),
    ...(expiresAt === undefined ? {} : { expiresAt: timestampFromDate(expiresAt) }),
    ...(lifted === undefined
      ? {}
      : {
          liftedAt: timestampFromDate(lifted.at),
          liftedBy: toProtoUid(lifted.by),
          liftReason: lifted.reason,
        }),
    holds,
    mayLift: holds && !isOwn && mayLock(replica, 'unlock', { target, grant }, { caller, now }),
  };
}
