import type { Decision } from '../decision.ts';
import type { Instant } from './instant.ts';

/** An answer and how long it holds by itself. */
export interface Kept {
  readonly decision: Decision;
  readonly revision: bigint;
  readonly until: Instant;
  /** Keys of all that its question names. */
  readonly names: ReadonlySet<string>;
}

interface Entry extends Kept {
  readonly key: string;
  /** Since it was last passed over for eviction. */
  wasUsed: boolean;
}

/** Answers by their questions' keys, at most so many: of those that nobody used for a while the oldest go first. */
export class KeptAnswers {
  readonly #mostEntries: number;
  readonly #byKey = new Map<string, Entry>();
  readonly #byName = new Map<string, Set<Entry>>();

  constructor(mostEntries: number) {
    this.#mostEntries = mostEntries;
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): Kept | undefined {
    const entry = this.#byKey.get(key);
    if (entry !== undefined) entry.wasUsed = true;
    return entry;
  }

  set(key: string, kept: Kept): void {
    this.delete(key);
    while (this.#byKey.size >= this.#mostEntries) this.#evictOne();
    const entry: Entry = { ...kept, key, wasUsed: false };
    this.#byKey.set(key, entry);
    for (const name of kept.names) {
      const named = this.#byName.get(name);
      if (named === undefined) this.#byName.set(name, new Set([entry]));
      else named.add(entry);
    }
  }

  delete(key: string): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return;
    this.#byKey.delete(key);
    for (const name of entry.names) {
      const named = this.#byName.get(name);
      named?.delete(entry);
      if (named?.size === 0) this.#byName.delete(name);
    }
  }

  /** Forgets every answer whose question names it. */
  forget(name: string): void {
    for (const { key } of this.#byName.get(name) ?? []) this.delete(key);
  }

  clear(): void {
    this.#byKey.clear();
    this.#byName.clear();
  }

  #evictOne(): void {
    for (const [key, entry] of this.#byKey) {
      if (!entry.wasUsed) return this.delete(key);
      entry.wasUsed = false;
      // To the end of the line.
      this.#byKey.delete(key);
      this.#byKey.set(key, entry);
    }
  }
}
