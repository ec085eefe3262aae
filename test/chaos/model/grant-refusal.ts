import type { Reason } from '../../../core/access/access-error.ts';
import { mayKeep, maySeeGrant } from './ask-refusal.ts';
import { isStanding } from './locks.ts';
import type { Model } from './model.ts';
import type { ModelGrant, ModelLock, ModelTarget } from './records.ts';

/** Why a grant is not given back; undefined when it is. */
export function releaseRefusal(model: Model, by: string, grant: ModelGrant): Reason | undefined {
  return holderRefusal(model, by, grant) ?? ended(grant);
}

/** Why a grant is not taken away; undefined when it is. */
export function revokeRefusal(model: Model, by: string, grant: ModelGrant): Reason | undefined {
  if (model.locks.isLocked(by, model.now)) return 'LOCKED';
  if (mayKeep(model, by)) return ended(grant);
  return maySeeGrant(model, by, grant) ? 'NOT_PERMITTED' : 'GRANT_NOT_FOUND';
}

/** Why a grant is not begun before its first use; undefined when it is. */
export function activateRefusal(model: Model, by: string, grant: ModelGrant): Reason | undefined {
  const refused = holderRefusal(model, by, grant);
  if (refused !== undefined) return refused;
  if (model.locks.bars({ ...grant, grant }, model.now)) return 'LOCKED';
  if (grant.state === 'ENDED') return 'GRANT_ENDED';
  if (grant.state !== 'CLAIMABLE') return 'GRANT_STATE';
  const beginning = model.beginning(grant);
  if (beginning === 'in') return undefined;
  return beginning === 'held' ? 'LOCKED' : 'GRANT_ENDED';
}

function holderRefusal(model: Model, by: string, grant: ModelGrant): Reason | undefined {
  if (model.locks.isLocked(by, model.now)) return 'LOCKED';
  if (!maySeeGrant(model, by, grant)) return 'GRANT_NOT_FOUND';
  return grant.subject === by ? undefined : 'NOT_PERMITTED';
}

function ended({ state }: ModelGrant): Reason | undefined {
  return state === 'ENDED' ? 'GRANT_ENDED' : undefined;
}

/** Why nothing is locked; undefined when it is. */
export function lockRefusal(model: Model, by: string, target: ModelTarget): Reason | undefined {
  if (model.locks.isLocked(by, model.now)) return 'LOCKED';
  const { people, owners } = model.directory;
  if (target.kind === 'person' && !people.has(target.id)) return 'ENTITY_UNKNOWN';
  if (target.kind === 'database' && !owners.has(target.id)) return 'ENTITY_UNKNOWN';
  if (mayKeep(model, by)) return target.kind === 'grant' ? ended(target.grant) : undefined;
  const isHidden = target.kind === 'grant' && !maySeeGrant(model, by, target.grant);
  return isHidden ? 'GRANT_NOT_FOUND' : 'NOT_PERMITTED';
}

/** Why a lock is not lifted; undefined when it is. */
export function unlockRefusal(model: Model, by: string, lock: ModelLock): Reason | undefined {
  const isOwn = model.locks.isOwn(lock, by);
  if (isStanding(lock, model.now) && isOwn) return 'SELF_UNLOCK';
  if (model.locks.isLocked(by, model.now)) return 'LOCKED';
  if (isOwn) return 'SELF_UNLOCK';
  if (!mayKeep(model, by)) return 'LOCK_NOT_FOUND';
  return isStanding(lock, model.now) ? undefined : 'LOCK_LIFTED';
}
