import type { EntityUid } from '../access/entity.ts';
import type { Replica } from './replica.ts';

/** The name that verified credentials carry. */
export interface CallerName {
  readonly id: string;
  readonly type?: string;
  /** A certificate names a service, never a person. */
  readonly by: 'token' | 'certificate';
}

/** The person or service of that name; undefined when the directory has none, or has several and the type is not said. */
export function resolveCaller(replica: Replica, name: CallerName): EntityUid | undefined {
  const policies = replica.policies;
  if (policies.kind !== 'ready') return undefined;
  const { personTypes, serviceTypes } = policies.engine.policies.schema;
  const types = name.by === 'certificate' ? serviceTypes : [...personTypes, ...serviceTypes];
  const named = types.filter((type) => name.type === undefined || type === name.type);
  const found = named.map((type) => ({ type, id: name.id })).filter((uid) => replica.directory.has(uid));
  return found.length === 1 ? found[0] : undefined;
}
