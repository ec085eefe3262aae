import { setImmediate, setTimeout } from 'node:timers/promises';

/** Lets other calls have their turn when this one has had its own for long enough; rejects when the signal is aborted. */
export type GiveWay = (signal?: AbortSignal) => Promise<void>;

/** How long a turn is, and how long it is left to others before the next. */
export interface Turn {
  readonly sliceMs: number;
  readonly restMs: number;
}

/** Longest that a search over many keeps other calls waiting. */
const CALL: Turn = { sliceMs: 10, restMs: 0 };

/** Starts a turn; those of a call unless said. What was read before giving way may have changed after it. */
export function takeTurns({ sliceMs, restMs }: Turn = CALL): GiveWay {
  let beganMs = performance.now();
  return async (signal) => {
    if (performance.now() - beganMs < sliceMs) return;
    await (restMs === 0 ? setImmediate() : setTimeout(restMs));
    signal?.throwIfAborted();
    beganMs = performance.now();
  };
}

/** Maps over many, giving way in between. */
export async function inTurns<T, R>(
  all: readonly T[],
  signal: AbortSignal,
  one: (each: T) => R,
): Promise<R[]> {
  const giveWay = takeTurns();
  const done: R[] = [];
  for (const each of all) {
    await giveWay(signal);
    done.push(one(each));
  }
  return done;
}
