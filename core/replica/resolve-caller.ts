import { AccessError } from '../access/access-error.ts';
import type { EntityUid } from '../access/entity.ts';
import type { Followed } from './follow.ts';
import type { Replica } from './replica.ts';

/** The name that verified credentials carry. */
export interface CallerName {
  readonly id: string;
  readonly type?: string;
  /** A certificate names a service, never a person. */
  readonly by: 'token' | 'certificate';
}

/**
 * Finds callers in the replica's directory: people and services by token, services by certificate. An id that several types have is
 * nobody's unless the type is said.
 * @throws AccessError (when it is asked) NOT_READY before the first snapshot, POLICIES_MISSING, EVALUATION_FAILED
 */
export function callerResolver({
  replica,
  follower,
}: {
  readonly replica: Replica;
  readonly follower: Pick<Followed['follower'], 'revision'>;
}): (name: CallerName) => EntityUid | undefined {
  /** Who was found last: an application calls again and again. */
  let last: (CallerName & { readonly generation: number; readonly uid: EntityUid }) | undefined;
  return (name) => {
    if (follower.revision === undefined && replica.policies.kind === 'none') {
      throw new AccessError('NOT_READY', 'the service is reading the directory; call again');
    }
    const { generation } = replica;
    const { id, type, by } = name;
    if (last?.generation === generation && last.id === id && last.type === type && last.by === by)
      return last.uid;
    const uid = find(replica, name);
    if (uid !== undefined) last = { ...name, generation, uid };
    return uid;
  };
}

function find(replica: Replica, { id, type, by }: CallerName): EntityUid | undefined {
  const { personTypes, serviceTypes } = replica.engine.policies.schema;
  let found: EntityUid | undefined;
  for (const types of by === 'certificate' ? [serviceTypes] : [personTypes, serviceTypes])
    for (const each of types) {
      if (type !== undefined && each !== type) continue;
      const uid = { type: each, id };
      if (!replica.directory.has(uid)) continue;
      if (found !== undefined) return undefined;
      found = uid;
    }
  return found;
}
