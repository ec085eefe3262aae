import { setImmediate } from 'node:timers/promises';

/** Longest that a search over many keeps other calls waiting. */
const SLICE_MS = 10;

/** Lets other calls have their turn when this one has had its own for long enough; rejects when the signal is aborted. */
export type GiveWay = (signal?: AbortSignal) => Promise<void>;

/** Starts a turn. What was read before giving way may have changed after it. */
export function takeTurns(): GiveWay {
  let beganMs = performance.now();
  return async (signal) => {
    if (performance.now() - beganMs < SLICE_MS) return;
    await setImmediate();
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
