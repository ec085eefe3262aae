import { fieldError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import type { LockTarget, RecordedLock } from '../../core/access/lock.ts';
import { accountsOf } from '../../core/access/person.ts';
import { type Route, route } from '../../core/rpc/route.ts';
import { msFromDuration } from '../../core/rpc/time.ts';
import { fromProtoUid, toProtoUid } from '../../core/rpc/uid.ts';
import { readGrant } from '../../core/store/grants.ts';
import { type CreateLockRequest, LockService } from '../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import type { GrantContext } from './context.ts';
import { type AskedLock, createLock } from './create-lock.ts';
import { deleteLock } from './delete-lock.ts';
import { inTurns } from './give-way.ts';
import { listLocksOf } from './list-locks.ts';
import { offboard } from './offboard.ts';
import { nextPageToken, readPage } from './page-token.ts';
import { presentLock } from './present-lock.ts';
import { callKeyOf } from './read-message.ts';
import { showingTo } from './show.ts';

/** The locks API over the use cases. */
export function lockRoutes(context: GrantContext): Route {
  const show = async (caller: EntityUid, lock: RecordedLock) => {
    const { target } = lock;
    const row = target.kind === 'grant' ? await readGrant(context.database, target.grantId) : undefined;
    return presentLock(showingTo(context, caller), lock, row?.grant);
  };
  const otherAccounts = ({ target }: RecordedLock) =>
    target.kind === 'entity'
      ? accountsOf(context.followed.replica.directory, target.uid).slice(1).map(toProtoUid)
      : [];
  return route(LockService, {
    async createLock(message, { caller }) {
      const { result, revision } = await createLock(
        context,
        askedOf(message, caller.uid),
        callKeyOf(message),
      );
      return { lock: await show(caller.uid, result), revision, otherAccounts: otherAccounts(result) };
    },
    async deleteLock({ id, reason }, { caller }) {
      const { result, revision } = await deleteLock(context, { id, reason, caller: caller.uid });
      return { lock: await show(caller.uid, result), revision };
    },
    async listLocks(message, { caller, signal }) {
      const entity = message.entity === undefined ? undefined : fromProtoUid(message.entity, 'entity');
      const filter = { caller: caller.uid, entity, includesEnded: message.includeLifted };
      const { found, next } = await listLocksOf(context, filter, readPage(message), signal);
      const showing = showingTo(context, caller.uid);
      const locks = await inTurns(found, signal, ({ lock, grant }) => presentLock(showing, lock, grant));
      return { locks, nextPageToken: nextPageToken(next) };
    },
    async offboardPrincipal({ principal, reason }, { caller }) {
      const asked = { principal: fromProtoUid(principal, 'principal'), reason, caller: caller.uid };
      const { result, revision } = await offboard(context, asked);
      return {
        lock: await show(caller.uid, result.lock),
        endedGrantIds: [...result.endedGrantIds],
        withdrawnRequestIds: [...result.withdrawnRequestIds],
        unvotedRequestIds: [...result.unvotedRequestIds],
        otherAccounts: otherAccounts(result.lock),
        revision: revision === 0n ? context.followed.replica.basisRevision : revision,
      };
    },
  });
}

function askedOf(message: CreateLockRequest, caller: EntityUid): AskedLock {
  const { reason, duration } = message;
  const durationMs = duration === undefined ? undefined : msFromDuration(duration, 'duration');
  return { target: targetOf(message), caller, reason, durationMs };
}

function targetOf({ entity, grantId, everything }: CreateLockRequest): LockTarget {
  const said = { entity: entity !== undefined, grant_id: grantId !== '', everything };
  const names = Object.entries(said).flatMap(([name, isSaid]) => (isSaid ? [name] : []));
  if (names.length !== 1) {
    const seen = names.length === 0 ? 'none' : names.join(' and ');
    const [field = 'entity'] = names;
    throw fieldError(field, `seen ${seen}, wanted exactly one of ${Object.keys(said).join(', ')}`);
  }
  if (everything) return { kind: 'everything' };
  if (entity === undefined) return { kind: 'grant', grantId };
  return { kind: 'entity', uid: fromProtoUid(entity, 'entity') };
}
