import { type Entity, type EntityUid, uidKey } from './entity.ts';

/**
 * The entities known to Curfew, in memory. It changes only between decisions: every question is asked and answered without
 * giving way in between. A parent that it does not have, because it was deleted, is left out of its children: nobody is inside of
 * what is not there.
 */
export class Directory {
  /** As they were applied. */
  readonly #applied = new Map<string, Entity>();
  /** The same, but for the parents that are not there. */
  readonly #entities = new Map<string, Entity>();
  /** Keys of the entities that name this one as a parent, whether it is there or not. */
  readonly #children = new Map<string, Set<string>>();

  get size(): number {
    return this.#entities.size;
  }

  get(uid: EntityUid): Entity | undefined {
    return this.#entities.get(uidKey(uid));
  }

  has(uid: EntityUid): boolean {
    return this.#entities.has(uidKey(uid));
  }

  /** By `uidKey`. */
  at(key: string): Entity | undefined {
    return this.#entities.get(key);
  }

  /** The `uidKey` of each, in no order. */
  keys(): Iterable<string> {
    return this.#entities.keys();
  }

  /** In the order in which they were first applied. */
  all(): Iterable<Entity> {
    return this.#entities.values();
  }

  /** Creates the entity, or replaces it whole. */
  apply(entity: Entity): void {
    const key = uidKey(entity.uid);
    const isNew = !this.#applied.has(key);
    this.#unlink(key);
    this.#applied.set(key, entity);
    for (const parent of entity.parents) this.#childrenOf(uidKey(parent)).add(key);
    this.#see(key);
    if (isNew) for (const child of this.#children.get(key) ?? []) this.#see(child);
  }

  remove(uid: EntityUid): void {
    const key = uidKey(uid);
    this.#unlink(key);
    this.#applied.delete(key);
    this.#entities.delete(key);
    for (const child of this.#children.get(key) ?? []) this.#see(child);
  }

  clear(): void {
    this.#applied.clear();
    this.#entities.clear();
    this.#children.clear();
  }

  /** The keys of the entity and all its ancestors; of just itself when the directory does not know it. */
  selfAndAncestors(uid: EntityUid): ReadonlySet<string> {
    return reach([uidKey(uid)], (key) => this.#entities.get(key)?.parents.map(uidKey) ?? []);
  }

  /** Whether an entity names this one as its parent, whether it is there or not. */
  hasChildren(uid: EntityUid): boolean {
    return this.#children.has(uidKey(uid));
  }

  /** Everything inside the entity at any depth, without itself. */
  *descendants(uid: EntityUid): Iterable<Entity> {
    const own = uidKey(uid);
    if (!this.#entities.has(own)) return;
    for (const key of reach([own], (at) => this.#children.get(at) ?? [])) {
      const entity = this.#entities.get(key);
      if (key !== own && entity !== undefined) yield entity;
    }
  }

  #childrenOf(key: string): Set<string> {
    const known = this.#children.get(key);
    if (known !== undefined) return known;
    const fresh = new Set<string>();
    this.#children.set(key, fresh);
    return fresh;
  }

  /** Works out which of its parents are there. */
  #see(key: string): void {
    const entity = this.#applied.get(key);
    if (entity === undefined) return;
    const parents = entity.parents.filter((parent) => this.#applied.has(uidKey(parent)));
    this.#entities.set(key, parents.length === entity.parents.length ? entity : { ...entity, parents });
  }

  #unlink(key: string): void {
    for (const parent of this.#applied.get(key)?.parents ?? []) {
      const siblings = this.#children.get(uidKey(parent));
      siblings?.delete(key);
      if (siblings?.size === 0) this.#children.delete(uidKey(parent));
    }
  }
}

/** Everything reachable from the starts, each once, the starts included; safe with cycles. */
function reach(starts: Iterable<string>, next: (key: string) => Iterable<string>): ReadonlySet<string> {
  const seen = new Set(starts);
  // A Set visits what is added while it is walked.
  for (const key of seen) for (const further of next(key)) seen.add(further);
  return seen;
}
