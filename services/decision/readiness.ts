import { isFarOff } from '../../core/feed/drift-alarm.ts';
import type { DecisionContext } from './authorize.ts';
import { momentOf } from './moment.ts';

/** What can be permitted now: by grants and standing permits, by standing permits alone, or nothing. */
export type Readiness = 'grants' | 'standing' | 'nothing';

/** What this process can permit now. */
export function readinessOf({ followed, staleStandingMs }: DecisionContext): Readiness {
  const { follower, replica, clock } = followed;
  if (follower.revision === undefined || replica.policies.kind !== 'ready') return 'nothing';
  // It decides safely all the same, for its errors only end access; but another replica decides rightly.
  if (isFarOff(clock.driftMs())) return 'nothing';
  const { freshness } = momentOf(clock, staleStandingMs);
  return freshness === 'fresh' ? 'grants' : freshness === 'stale' ? 'standing' : 'nothing';
}
