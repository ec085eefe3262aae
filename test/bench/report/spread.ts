/** Values of rounds, and what they come to. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** In the order of the rounds. */
  readonly rounds: readonly number[];
}

/** @throws RangeError when there are no values */
export function spreadOf(rounds: readonly number[]): Spread {
  const sorted = rounds.toSorted((a, b) => a - b);
  const [low, high] = [sorted[0], sorted.at(-1)];
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (low === undefined || high === undefined || upper === undefined || lower === undefined)
    throw new RangeError('no rounds');
  return { median: (lower + upper) / 2, low, high, rounds };
}

/** Of each round the one divided by the other. */
export function ratioOf(a: readonly number[], b: readonly number[]): Spread {
  return spreadOf(a.map((value, round) => value / (b[round] ?? Number.NaN)));
}
