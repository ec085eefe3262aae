import { performance } from 'node:perf_hooks';

/** What the event loop of this process has done since its start. */
export interface LoopTurns {
  /** How often it has gone round. */
  readonly turns: number;
  /** How long it was busy. */
  readonly activeMs: number;
  /** When this was read, by the monotonic clock. */
  readonly atMs: number;
}

/** Reads what the event loop has done, in about a microsecond. */
export function readLoopTurns(): LoopTurns {
  const { loopCount } = performance.nodeTiming.uvMetricsInfo;
  return { turns: loopCount, activeMs: performance.eventLoopUtilization().active, atMs: performance.now() };
}
