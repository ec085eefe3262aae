import { type EntityUid, parseUidKey, sameUid, uidKey } from '../../../core/access/entity.ts';
import type { LiveGrant } from '../../../core/access/grant.ts';
import type { GrantIndex } from '../../../core/access/grant-index.ts';

/** The live grants that somebody else than their holder asked for: they hold for as long as that one may ask. */
export class AskedForOthers {
  /** Ids by requester. */
  readonly #byRequester = new Map<string, Set<string>>();
  readonly #grants: GrantIndex;

  constructor(grants: GrantIndex) {
    this.#grants = grants;
  }

  restart(): void {
    this.#byRequester.clear();
    for (const grant of this.#grants.askedForOthers()) this.add(grant);
  }

  add({ id, requester, subject }: Pick<LiveGrant, 'id' | 'requester' | 'subject'>): void {
    if (sameUid(requester, subject)) return;
    const key = uidKey(requester);
    const ids = this.#byRequester.get(key);
    if (ids === undefined) this.#byRequester.set(key, new Set([id]));
    else ids.add(id);
  }

  remove({ id, requester }: Pick<LiveGrant, 'id' | 'requester'>): void {
    const key = uidKey(requester);
    const ids = this.#byRequester.get(key);
    ids?.delete(id);
    if (ids?.size === 0) this.#byRequester.delete(key);
  }

  /** Who holds what this one asked for. */
  *holders(requester: string): Iterable<EntityUid> {
    for (const id of this.#byRequester.get(requester) ?? []) {
      const grant = this.#grants.get(id);
      if (grant === undefined) this.remove({ id, requester: parseUidKey(requester) });
      else yield grant.subject;
    }
  }
}
