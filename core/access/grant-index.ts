import type { Directory } from './directory.ts';
import { type EntityUid, sameUid, uidKey } from './entity.ts';
import type { Grant } from './grant.ts';

/** The grants that have not ended, in memory, by subject and resource. */
export class GrantIndex {
  readonly #byId = new Map<string, Grant>();
  /** By subject, then by resource. */
  readonly #held = new Map<string, Map<string, Grant[]>>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Grant | undefined {
    return this.#byId.get(id);
  }

  all(): Iterable<Grant> {
    return this.#byId.values();
  }

  add(grant: Grant): void {
    this.remove(grant.id);
    this.#byId.set(grant.id, grant);
    const subject = uidKey(grant.subject);
    const resource = uidKey(grant.resource);
    const held = this.#held.get(subject);
    const there = held?.get(resource);
    if (there !== undefined) there.push(grant);
    else if (held !== undefined) held.set(resource, [grant]);
    else this.#held.set(subject, new Map([[resource, [grant]]]));
  }

  remove(id: string): void {
    const grant = this.#byId.get(id);
    if (grant === undefined) return;
    this.#byId.delete(id);
    const subject = uidKey(grant.subject);
    const resource = uidKey(grant.resource);
    const held = this.#held.get(subject);
    const left = (held?.get(resource) ?? []).filter((other) => other.id !== id);
    if (left.length > 0) held?.set(resource, left);
    else held?.delete(resource);
    if (held?.size === 0) this.#held.delete(subject);
  }

  clear(): void {
    this.#byId.clear();
    this.#held.clear();
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
    const held = this.#held.get(uidKey(principal));
    if (held === undefined) return [];
    return [...resourceKeys()]
      .flatMap((resource) => held.get(resource) ?? [])
      .filter((grant) => late < grant.expiresAt)
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
