import type { Directory } from './directory.ts';
import { type EntityUid, sameUid, uidKey } from './entity.ts';
import type { LiveGrant } from './grant.ts';

/** The grants that have not ended, in memory, by subject and resource; and those used up, for the calls that used them. */
export class GrantIndex {
  readonly #byId = new Map<string, LiveGrant>();
  /** By subject, then by resource. */
  readonly #held = new Map<string, Map<string, LiveGrant[]>>();
  /** By subject, of those who hold any. */
  readonly #stamps = new Map<string, number>();
  #changes = 0;

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): LiveGrant | undefined {
    return this.#byId.get(id);
  }

  /** A number that is another after every change of what the subject holds; 0 stands for nothing. */
  stampOf(subject: EntityUid): number {
    return this.#stamps.get(uidKey(subject)) ?? 0;
  }

  all(): Iterable<LiveGrant> {
    return this.#byId.values();
  }

  /** Puts a changed one in its place; one that is not there stays away. */
  change(id: string, change: Partial<LiveGrant>): void {
    const grant = this.#byId.get(id);
    if (grant !== undefined) this.add({ ...grant, ...change });
  }

  add(grant: LiveGrant): void {
    this.remove(grant.id);
    this.#byId.set(grant.id, grant);
    const subject = uidKey(grant.subject);
    const resource = uidKey(grant.resource);
    const held = this.#held.get(subject);
    const there = held?.get(resource);
    if (there !== undefined) there.push(grant);
    else if (held !== undefined) held.set(resource, [grant]);
    else this.#held.set(subject, new Map([[resource, [grant]]]));
    this.#stamps.set(subject, ++this.#changes);
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
    if (this.#held.has(subject)) this.#stamps.set(subject, ++this.#changes);
    else this.#stamps.delete(subject);
  }

  clear(): void {
    this.#byId.clear();
    this.#held.clear();
    this.#stamps.clear();
  }

  /** Forgets grants that had expired by then. It must be the database's time, which no machine's clock can bend. */
  prune(before: Date): void {
    for (const grant of this.#byId.values()) if (grant.expiresAt <= before) this.remove(grant.id);
  }

  /**
   * The grants by which the subject may be permitted the action on the resource or on something that it is inside of, live at `late`.
   * Those that are used up by permitting come last; before that the one that lasts longest comes first, among equals by id, so that
   * every replica names the same.
   */
  covering({ resource, directory, ...question }: GrantQuestion): readonly LiveGrant[] {
    return this.coveringAnyOf({ ...question, resourceKeys: () => directory.selfAndAncestors(resource) });
  }

  /** The same for what is inside of any of the resources, whose keys are given. */
  coveringAnyOf(question: GrantQuestionByKeys): readonly LiveGrant[] {
    return this.aboutAnyOf(question)
      .filter((grant) => isLive(grant, question))
      .sort(
        (a, b) =>
          cost(a) - cost(b) || b.expiresAt.getTime() - a.expiresAt.getTime() || (a.id < b.id ? -1 : 1),
      );
  }

  /** When the next of the scheduled grants begins that would then be among `coveringAnyOf`. */
  nextStart(question: GrantQuestionByKeys): Date | undefined {
    const starts = this.aboutAnyOf(question)
      .filter(
        (grant) => grant.state === 'SCHEDULED' && !isLive(grant, question) && question.late < grant.expiresAt,
      )
      .map(({ startsAt }) => startsAt.getTime());
    return starts.length === 0 ? undefined : new Date(Math.min(...starts));
  }

  /** Those that the question is about, live or not, in no order. */
  aboutAnyOf({
    principal,
    action,
    resourceKeys,
  }: Pick<GrantQuestionByKeys, 'principal' | 'action' | 'resourceKeys'>): LiveGrant[] {
    const held = this.#held.get(uidKey(principal));
    if (held === undefined) return [];
    return [...resourceKeys()]
      .flatMap((resource) => held.get(resource) ?? [])
      .filter((grant) => grant.actions.some((it) => sameUid(it, action)));
  }
}

function isLive(
  grant: LiveGrant,
  { late, early, usedUp = false }: Pick<GrantQuestionByKeys, 'late' | 'early' | 'usedUp'>,
): boolean {
  if (late >= grant.expiresAt || (grant.usesLeft === 0 && !usedUp)) return false;
  return grant.state !== 'SCHEDULED' || (early !== undefined && early >= grant.startsAt);
}

/** What it takes to permit by it: nothing, one of its uses, or its beginning. */
function cost({ state, usesLeft }: LiveGrant): number {
  if (state === 'CLAIMABLE') return 2;
  return usesLeft === undefined ? 0 : 1;
}

export interface GrantQuestion {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  readonly directory: Directory;
  /** The latest that it may be: ends grants. */
  readonly late: Date;
  /** The earliest that it may be: begins those that are scheduled; without it none has begun. */
  readonly early?: Date | undefined;
  /** Whether those without a use left are wanted too, for a call that may be one of those that used them. */
  readonly usedUp?: boolean;
}

/** A question about several resources at once: each, and what is inside of it. */
export interface GrantQuestionByKeys extends Omit<GrantQuestion, 'resource' | 'directory'> {
  /** By `uidKey`, with everything that they are inside of; not asked for when the subject holds nothing. */
  readonly resourceKeys: () => ReadonlySet<string>;
}
