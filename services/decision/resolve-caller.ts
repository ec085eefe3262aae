import { AccessError } from '../../core/access/access-error.ts';
import type { ResolveCaller } from '../../core/rpc/identity.ts';
import type { FollowedState } from './followed-state.ts';

/**
 * Finds callers in the replica's directory: people and services by token, services by certificate. Without a type, a person goes
 * before a service, and an id that both have is nobody's.
 * @throws AccessError (when it is asked) NOT_READY before the first snapshot, POLICIES_MISSING, EVALUATION_FAILED
 */
export function callerResolver({ replica, follower }: FollowedState): ResolveCaller {
  return ({ id, type, by }) => {
    if (follower.revision === undefined && replica.policies.kind === 'none') {
      throw new AccessError('NOT_READY', 'the service is reading the directory; call again');
    }
    const { personTypes, serviceTypes } = replica.engine.policies.schema;
    const types = by === 'certificate' ? serviceTypes : [...personTypes, ...serviceTypes];
    const found = types
      .filter((each) => type === undefined || each === type)
      .map((each) => ({ type: each, id }))
      .filter((uid) => replica.directory.has(uid));
    return found.length === 1 ? found[0] : undefined;
  };
}
