import { type Entity, type EntityUid, uidKey } from './entity.ts';
import { lookOf } from './look.ts';
import { PeopleIndex } from './people-index.ts';
import { RecentMap } from './recent-map.ts';

/** Told of every change, so that what is worked out from the entities need not be worked out anew. */
export interface DirectoryWatcher {
  readonly applied: (entity: Entity, before: Entity | undefined) => void;
  readonly removed: (entity: Entity) => void;
  readonly cleared: () => void;
}

/** What an entity is inside of. */
interface Above {
  /** Of the entity itself, too. */
  readonly keys: ReadonlySet<string>;
  /** Without the entity itself, the nearest first. */
  readonly uids: readonly EntityUid[];
}

/** Entities of which it is remembered what they are inside of. */
const MOST_ABOVE = 20_000;

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
  /** By type and look, the entities' ids; undefined until somebody asks for look-alikes. */
  #looks: Map<string, Set<string>> | undefined;
  /** What was asked of lately, forgotten with every change. */
  readonly #above = new RecentMap<Above>(MOST_ABOVE);
  /** Which accounts say whose they are. */
  readonly people = new PeopleIndex();
  readonly #watchers: DirectoryWatcher[] = [this.people];

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

  /** Tells the watcher of all that changes from now on, for as long as the directory lives. */
  watch(watcher: DirectoryWatcher): void {
    this.#watchers.push(watcher);
  }

  /** In the order in which they were first applied. */
  all(): Iterable<Entity> {
    return this.#entities.values();
  }

  /** Creates the entity, or replaces it whole. */
  apply(entity: Entity): void {
    const key = uidKey(entity.uid);
    const before = this.#applied.get(key);
    this.#above.clear();
    this.#unlink(key);
    this.#applied.set(key, entity);
    if (this.#looks !== undefined) noteLook(this.#looks, entity.uid);
    for (const parent of entity.parents) this.#childrenOf(uidKey(parent)).add(key);
    this.#see(key);
    if (before === undefined) for (const child of this.#children.get(key) ?? []) this.#see(child);
    for (const watcher of this.#watchers) watcher.applied(entity, before);
  }

  remove(uid: EntityUid): void {
    const key = uidKey(uid);
    const before = this.#applied.get(key);
    this.#above.clear();
    this.#unlink(key);
    this.#applied.delete(key);
    this.#entities.delete(key);
    this.#looks?.get(lookKey(uid))?.delete(uid.id);
    for (const child of this.#children.get(key) ?? []) this.#see(child);
    if (before !== undefined) for (const watcher of this.#watchers) watcher.removed(before);
  }

  clear(): void {
    this.#above.clear();
    this.#applied.clear();
    this.#entities.clear();
    this.#children.clear();
    this.#looks = undefined;
    for (const watcher of this.#watchers) watcher.cleared();
  }

  /** Another entity of the type whose id people could take for this one; undefined when there is none. */
  lookAlike(uid: EntityUid): EntityUid | undefined {
    this.#looks ??= this.#looksOfAll();
    for (const id of this.#looks.get(lookKey(uid)) ?? []) if (id !== uid.id) return { type: uid.type, id };
    return undefined;
  }

  #looksOfAll(): Map<string, Set<string>> {
    const looks = new Map<string, Set<string>>();
    for (const { uid } of this.#applied.values()) noteLook(looks, uid);
    return looks;
  }

  /** The keys of the entity and all its ancestors; of just itself when the directory does not know it. */
  selfAndAncestors(uid: EntityUid): ReadonlySet<string> {
    return this.#aboveOf(uid).keys;
  }

  /** All ancestors of the entity, the nearest first, without itself; none when the directory does not know it. */
  ancestorsOf(uid: EntityUid): readonly EntityUid[] {
    return this.#aboveOf(uid).uids;
  }

  #aboveOf(uid: EntityUid): Above {
    const own = uidKey(uid);
    const known = this.#above.get(own);
    if (known !== undefined) return known;
    const keys = new Set([own]);
    const uids: EntityUid[] = [];
    // A Set visits what is added while it is walked.
    for (const key of keys)
      for (const parent of this.#entities.get(key)?.parents ?? []) {
        const above = uidKey(parent);
        if (keys.has(above)) continue;
        keys.add(above);
        uids.push(parent);
      }
    const above = { keys, uids };
    this.#above.set(own, above);
    return above;
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

  /**
   * The keys themselves, and those of everything inside of them at any depth, also by way of what is not there; undefined when these
   * are more than `most`.
   */
  selfAndDescendants(keys: Iterable<string>, most: number): ReadonlySet<string> | undefined {
    const found = new Set(keys);
    // A Set visits what is added while it is walked.
    for (const key of found) {
      if (found.size > most) return undefined;
      for (const child of this.#children.get(key) ?? []) found.add(child);
    }
    return found;
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

function noteLook(looks: Map<string, Set<string>>, uid: EntityUid): void {
  const key = lookKey(uid);
  const ids = looks.get(key);
  if (ids === undefined) looks.set(key, new Set([uid.id]));
  else ids.add(uid.id);
}

function lookKey({ type, id }: EntityUid): string {
  return uidKey({ type, id: lookOf(id) });
}
