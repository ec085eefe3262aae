interface Waiter {
  readonly revision: bigint;
  readonly settle: (reached: boolean) => void;
}

/** Calls that wait until a revision has been reached, and listeners to every advance. */
export class RevisionWaiters {
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<() => void>();
  #closed = false;

  get size(): number {
    return this.#waiters.size;
  }

  wait(revision: bigint, timeoutMs: number): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        revision,
        settle: (reached) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve(reached);
        },
      };
      const timer = setTimeout(() => waiter.settle(false), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reached(revision: bigint, hasNews: boolean): void {
    for (const waiter of this.#waiters) if (waiter.revision <= revision) waiter.settle(true);
    if (hasNews) for (const listener of this.#listeners) listener();
  }

  /** Whoever waits, now or later, is told at once that it was not reached. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters) waiter.settle(false);
  }
}
