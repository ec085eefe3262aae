import { createHash } from 'node:crypto';

const PER_BLOCK = 8;

/** Draws that look random and are the same wherever the seed is: every process that checks a set asks it the same questions. */
export class Draws {
  readonly #seed: string;
  #drawn = 0;
  #block: Buffer = Buffer.alloc(0);

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** A whole number from 0 to below `end`; 0 when there is none. */
  below(end: number): number {
    const at = this.#drawn % PER_BLOCK;
    if (at === 0) this.#block = createHash('sha256').update(`${this.#seed} ${this.#drawn}`).digest();
    this.#drawn += 1;
    return this.#block.readUInt32BE(at * 4) % Math.max(1, end);
  }

  /** One of them; undefined of none. */
  pick<T>(of: readonly T[]): T | undefined {
    return of[this.below(of.length)];
  }

  /** Whether it comes up, once in so many times. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** All of them, in some order. */
  shuffled<T>(of: readonly T[]): readonly T[] {
    return of
      .map((each) => ({ each, at: this.below(2 ** 32) }))
      .toSorted((one, other) => one.at - other.at)
      .map(({ each }) => each);
  }
}
