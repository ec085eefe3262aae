/** What a process that asks questions is started with. */
export interface Asker {
  readonly address: string;
  readonly token: string;
  /** `sdk` waits as it is told; `stubborn` knows nothing of that, and costs this machine as little as can be. */
  readonly by: 'sdk' | 'stubborn';
  /** Which of the questions it asks: `ASKERS` processes never ask the same. */
  readonly turn: number;
}

/** What such a process is told to do. */
export interface Offer {
  /** Asked in a second, whatever comes back; undefined = the next as soon as one is answered. */
  readonly perSecond: number | undefined;
  readonly seconds: number;
}

/** What came of it. */
export interface Met {
  readonly asked: number;
  readonly counts: Readonly<Record<Result, number>>;
  /** When each good call was answered, in seconds since the start, and how long it took. */
  readonly goodMs: readonly (readonly [number, number])[];
  readonly refusedMs: readonly number[];
  /** How late this process's own event loop came round, 99 of 100 times at most: so much of every time above may be its own. */
  readonly lagP99Ms: number;
  readonly cpuMs: number;
}

/** `timedOut`: sent, and neither answered nor refused in time. `unsent`: as many were under way as connections let. */
export type Result = 'good' | 'refused' | 'timedOut' | 'unsent' | 'wrong' | 'failed';

export const ASKERS = 5;
export const CONNECTIONS = 4;
export const COMPANY = { policies: 20, people: 500 } as const;
export const TIMEOUT_MS = 200;
