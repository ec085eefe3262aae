/**
 * One look at both clocks of the machine, in milliseconds. The monotonic one never steps and stands still while a machine is suspended;
 * the other steps and does not stand still. What ends by either ends in time.
 */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export type Look = () => Instant;

export const look: Look = () => ({ monotonicMs: performance.now(), wallMs: Date.now() });

export const NEVER: Instant = {
  monotonicMs: Number.POSITIVE_INFINITY,
  wallMs: Number.POSITIVE_INFINITY,
};

export function later({ monotonicMs, wallMs }: Instant, ms: number): Instant {
  return { monotonicMs: monotonicMs + ms, wallMs: wallMs + ms };
}

/** By each clock for itself. */
export function earlier(one: Instant, other: Instant): Instant {
  return {
    monotonicMs: Math.min(one.monotonicMs, other.monotonicMs),
    wallMs: Math.min(one.wallMs, other.wallMs),
  };
}

export function isBefore(one: Instant, other: Instant): boolean {
  return one.monotonicMs < other.monotonicMs && one.wallMs < other.wallMs;
}
