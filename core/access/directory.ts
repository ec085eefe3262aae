import { type Entity, type EntityUid, uidKey } from './entity.ts';

/**
 * The entities known to Curfew, in memory. It changes only between decisions: every question is asked and answered without
 * giving way in between.
 */
export class Directory {
  readonly #entities = new Map<string, Entity>();
  /** Keys of the entities that name this one as a parent. */
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

  /** In the order in which they were first applied. */
  all(): Iterable<Entity> {
    return this.#entities.values();
  }

  /** Creates the entity, or replaces it whole. */
  apply(entity: Entity): void {
    const key = uidKey(entity.uid);
    this.#unlink(key);
    this.#entities.set(key, entity);
    for (const parent of entity.parents) this.#childrenOf(uidKey(parent)).add(key);
  }

  remove(uid: EntityUid): void {
    const key = uidKey(uid);
    this.#unlink(key);
    this.#entities.delete(key);
  }

  clear(): void {
    this.#entities.clear();
    this.#children.clear();
  }

  /** The keys of the entity and all its ancestors; of just itself when the directory does not know it. */
  selfAndAncestors(uid: EntityUid): ReadonlySet<string> {
    return reach([uidKey(uid)], (key) => this.#entities.get(key)?.parents.map(uidKey) ?? []);
  }

  /** Everything inside the entity at any depth, without itself. */
  *descendants(uid: EntityUid): Iterable<Entity> {
    const own = uidKey(uid);
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

  #unlink(key: string): void {
    for (const parent of this.#entities.get(key)?.parents ?? []) {
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
