import { EVERYTHING_KEY, grantKey, holdsAt, type Lock, targetKey } from './lock.ts';

/** The locks that have not been lifted, in memory, by what they stop. */
export class LockIndex {
  readonly #byId = new Map<string, Lock>();
  readonly #byTarget = new Map<string, readonly Lock[]>();
  #changes = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** Another number after every change. */
  get changes(): number {
    return this.#changes;
  }

  get(id: string): Lock | undefined {
    return this.#byId.get(id);
  }

  add(lock: Lock): void {
    this.remove(lock.id);
    this.#changes += 1;
    this.#byId.set(lock.id, lock);
    const key = targetKey(lock.target);
    this.#byTarget.set(key, [...(this.#byTarget.get(key) ?? []), lock]);
  }

  remove(id: string): void {
    const lock = this.#byId.get(id);
    if (lock === undefined) return;
    this.#changes += 1;
    this.#byId.delete(id);
    const key = targetKey(lock.target);
    const left = (this.#byTarget.get(key) ?? []).filter((other) => other.id !== id);
    if (left.length > 0) this.#byTarget.set(key, left);
    else this.#byTarget.delete(key);
  }

  clear(): void {
    this.#changes += 1;
    this.#byId.clear();
    this.#byTarget.clear();
  }

  /** Forgets locks that had ended by then. It must be the database's time, which no machine's clock can bend. */
  prune(before: Date): void {
    for (const lock of this.#byId.values()) if (!holdsAt(lock, before)) this.remove(lock.id);
  }

  /** Those that hold at the instant on one of the entities, of whatever these are inside of is said by the caller. */
  onEntities(keys: Iterable<string>, at: Date): readonly Lock[] {
    if (this.#byId.size === 0) return [];
    return [...keys].flatMap((key) => this.#on(key, at));
  }

  /** Those that hold at the instant on the grant itself. */
  onGrant(grantId: string, at: Date): readonly Lock[] {
    return this.#byId.size === 0 ? [] : this.#on(grantKey(grantId), at);
  }

  /** Those that hold at the instant on everything. */
  onEverything(at: Date): readonly Lock[] {
    return this.#on(EVERYTHING_KEY, at);
  }

  #on(key: string, at: Date): readonly Lock[] {
    return (this.#byTarget.get(key) ?? []).filter((lock) => holdsAt(lock, at));
  }
}
