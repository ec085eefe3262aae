import type { MachineClock } from '../../core/feed/database-clock.ts';

export const HOUR_MS = 3_600_000;

/** This machine's clocks, with errors that a test sets. */
export class WrongClock implements MachineClock {
  aheadMs = 0;
  /** Where the monotonic clock stands still, as it does while a machine is suspended. */
  stoppedAtMs: number | undefined;
  readonly wallMs = (): number => Date.now() + this.aheadMs;
  readonly monotonicMs = (): number => this.stoppedAtMs ?? performance.now();
}
