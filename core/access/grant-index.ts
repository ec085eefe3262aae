import type { Directory } from './directory.ts';
import { type EntityUid, sameUid, uidKey } from './entity.ts';
import type { Grant } from './grant.ts';

/** The grants that have not ended, in memory, by subject. */
export class GrantIndex {
  readonly #byId = new Map<string, Grant>();
  readonly #bySubject = new Map<string, Map<string, Grant>>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Grant | undefined {
    return this.#byId.get(id);
  }

  add(grant: Grant): void {
    this.remove(grant.id);
    this.#byId.set(grant.id, grant);
    const key = uidKey(grant.subject);
    const held = this.#bySubject.get(key);
    if (held === undefined) this.#bySubject.set(key, new Map([[grant.id, grant]]));
    else held.set(grant.id, grant);
  }

  remove(id: string): void {
    const grant = this.#byId.get(id);
    if (grant === undefined) return;
    this.#byId.delete(id);
    const key = uidKey(grant.subject);
    const held = this.#bySubject.get(key);
    held?.delete(id);
    if (held?.size === 0) this.#bySubject.delete(key);
  }

  clear(): void {
    this.#byId.clear();
    this.#bySubject.clear();
  }

  /** Forgets grants that had expired by then. It must be the database's time, which no machine's clock can bend. */
  prune(before: Date): void {
    for (const grant of this.#byId.values()) if (grant.expiresAt <= before) this.remove(grant.id);
  }

  /** The grants by which the subject may be permitted the action on the resource or on something that it is inside of, live at `late`; the one that lasts longest first, among equals by id, so that every replica names the same. */
  covering({ principal, action, resource, directory, late }: GrantQuestion): readonly Grant[] {
    return this.coveringAnyOf({
      principal,
      action,
      resourceKeys: () => directory.selfAndAncestors(resource),
      late,
    });
  }

  /** The same for what is inside of any of the resources, whose keys are given. */
  coveringAnyOf({ principal, action, resourceKeys, late }: GrantQuestionByKeys): readonly Grant[] {
    const held = this.#bySubject.get(uidKey(principal));
    if (held === undefined) return [];
    const keys = resourceKeys();
    return [...held.values()]
      .filter((grant) => late < grant.expiresAt)
      .filter((grant) => keys.has(uidKey(grant.resource)))
      .filter((grant) => grant.actions.some((it) => sameUid(it, action)))
      .sort((a, b) => b.expiresAt.getTime() - a.expiresAt.getTime() || (a.id < b.id ? -1 : 1));
  }
}

export interface GrantQuestion {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly directory: Directory;
  /** The latest that it may be. */
  readonly late: Date;
}

/** A question about several resources at once: each, and what is inside of it. */
export interface GrantQuestionByKeys extends Pick<GrantQuestion, 'principal' | 'action' | 'late'> {
  /** By `uidKey`, with everything that they are inside of; not asked for when the subject holds nothing. */
  readonly resourceKeys: () => ReadonlySet<string>;
}
