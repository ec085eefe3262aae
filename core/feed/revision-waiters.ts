interface Waiter {
  readonly revision: bigint;
  readonly settle: (reached: boolean) => void;
}

/** Calls that wait until a revision has been reached, and listeners to every advance. */
export class RevisionWaiters {
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<() => void>();

  get size(): number {
    return this.#waiters.size;
  }

  wait(revision: bigint, timeoutMs: number): Promise<boolean> {
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

  close(): void {
    for (const waiter of this.#waiters) waiter.settle(false);
  }
}
