import type { DatabaseClock } from '../../core/feed/database-clock.ts';
import { STALENESS_BOUND_MS } from './limits.ts';

/**
 * How current the replica is: `fresh`; `stale`, when only standing permits go on; `silent`, when nothing is permitted any more.
 */
export type Freshness = 'fresh' | 'stale' | 'silent';

/** The one instant at which a call is decided. */
export interface Moment {
  /** The latest that it may be: ends grants. */
  readonly now: Date;
  /** The earliest that it may be: what is scheduled has begun by then, and what is locked is not any more. Undefined before the first good poll. */
  readonly early: Date | undefined;
  readonly freshness: Freshness;
  /** Age of the last good poll; Infinity before the first. */
  readonly ageMs: number;
}

/** @param staleStandingMs how long standing permits go on past the staleness bound; 0 = never */
export function momentOf(clock: DatabaseClock, staleStandingMs: number): Moment {
  const ageMs = clock.ageMs();
  return { now: clock.late(), early: clock.early(), freshness: freshnessOf(ageMs, staleStandingMs), ageMs };
}

/** The same instant later on: what is decided at it is as old as the last good poll or as the instant itself, whichever is older. */
export function agedMoment({ now, early }: Moment, clock: DatabaseClock, staleStandingMs: number): Moment {
  const ageMs = Math.max(clock.ageMs(), clock.late().getTime() - now.getTime());
  return { now, early, freshness: freshnessOf(ageMs, staleStandingMs), ageMs };
}

function freshnessOf(ageMs: number, staleStandingMs: number): Freshness {
  if (ageMs < STALENESS_BOUND_MS) return 'fresh';
  return ageMs < STALENESS_BOUND_MS + staleStandingMs ? 'stale' : 'silent';
}
