import type { CompactGrant } from './compact-grant.ts';

/**
 * Grants by when they expire, the first on top: a binary heap. One that changed or ended stays in it until its time comes, so it is asked
 * of each whether it is still meant.
 */
export class ExpiryHeap {
  #grants: CompactGrant[] = [];

  get size(): number {
    return this.#grants.length;
  }

  /** Holds these alone from now on; cheaper than one after the other. */
  reset(grants: Iterable<CompactGrant>): void {
    this.#grants = [...grants];
    for (let at = (this.#grants.length >> 1) - 1; at >= 0; at -= 1) this.#sink(at);
  }

  add(grant: CompactGrant): void {
    this.#grants.push(grant);
    this.#rise(this.#grants.length - 1);
  }

  /** Takes out those that had expired by then, the first first. */
  *take(byMs: number): Iterable<CompactGrant> {
    for (
      let first = this.#grants[0];
      first !== undefined && first.expiresMs <= byMs;
      first = this.#grants[0]
    ) {
      const last = this.#grants.pop();
      if (last !== undefined && last !== first) {
        this.#grants[0] = last;
        this.#sink(0);
      }
      yield first;
    }
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.#swapIfEarlier(at, above)) return;
      at = above;
    }
  }

  #sink(from: number): void {
    for (let at = from; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      const below = this.#isEarlier(right, left) ? right : left;
      if (!this.#swapIfEarlier(below, at)) return;
      at = below;
    }
  }

  #swapIfEarlier(at: number, other: number): boolean {
    const one = this.#grants[at];
    const two = this.#grants[other];
    if (one === undefined || two === undefined || one.expiresMs >= two.expiresMs) return false;
    this.#grants[at] = two;
    this.#grants[other] = one;
    return true;
  }

  #isEarlier(at: number, other: number): boolean {
    const one = this.#grants[at];
    const two = this.#grants[other];
    return one !== undefined && two !== undefined && one.expiresMs < two.expiresMs;
  }
}
