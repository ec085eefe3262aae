import type { DecisionContext } from './authorize.ts';
import { readinessOf } from './readiness.ts';

/** How current this process is. */
export interface Status {
  readonly revision: bigint;
  /** Age of the last good poll; undefined before the first. */
  readonly stalenessMs: number | undefined;
  /** Empty when no policy set is in force. */
  readonly policyDigest: string;
  /** Of the set that the ledger names and that this process refused; empty when it refused none. */
  readonly refusedPolicyDigest: string;
  readonly liveGrants: number;
  /** Whether decisions by grant are made. */
  readonly ready: boolean;
  /** Names the ledger's history; empty while it is not known. */
  readonly epoch: string;
}

/** Says how current this process is. */
export function getStatus(context: DecisionContext): Status {
  const { replica, follower, clock } = context.followed;
  const ageMs = clock.ageMs();
  const { policies } = replica;
  return {
    revision: replica.revision,
    stalenessMs: Number.isFinite(ageMs) ? ageMs : undefined,
    policyDigest: policies.kind === 'none' ? '' : policies.digest,
    refusedPolicyDigest: policies.kind === 'ready' ? (policies.refused?.digest ?? '') : '',
    liveGrants: replica.grants.size,
    ready: readinessOf(context) === 'grants',
    epoch: follower.epoch ?? '',
  };
}
