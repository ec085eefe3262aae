/** Numbers that are the same for the same seed (mulberry32), so that a run can be had again. */
export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from `low` up to, not including, `high`. */
  between(low: number, high: number): number;
  /** One of them. @throws Error when there are none */
  pick<T>(choices: readonly T[]): T;
}

export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low));
  const pick = <T>(choices: readonly T[]): T => {
    const at = between(0, choices.length);
    // The index is below the length, whatever stands there.
    if (at >= choices.length) throw new Error('there is nothing to pick from');
    return choices[at] as T; // checked above
  };
  return { next, between, pick };
}
