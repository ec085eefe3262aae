import { type CompactGrant, GrantCompactor, liveOf } from './compact-grant.ts';
import type { Directory } from './directory.ts';
import { ExpiryHeap } from './expiry-heap.ts';
import { type EntityUid, sameUid, uidKey } from './entity.ts';
import type { LiveGrant } from './grant.ts';

/** Resources whose keys are shared; what is beyond them only takes more memory. */
const MOST_KEYS = 200_000;
/** Grants that may be kept although they ended, for each of those that have not and beyond. */
const MOST_STALE = 1_000;

/** The grants that have not ended, in memory, by subject and resource; and those used up, for the calls that used them. */
export class GrantIndex {
  readonly #byId = new Map<string, CompactGrant>();
  /** By subject, of those who hold any. */
  readonly #held = new Map<string, Held>();
  readonly #byExpiry = new ExpiryHeap();
  readonly #compactor = new GrantCompactor();
  /** Each of the keys of resources to itself: many subjects hold grants on the same ones. */
  readonly #keys = new Map<string, string>();
  #changes = 0;

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): LiveGrant | undefined {
    const grant = this.#byId.get(id);
    return grant === undefined ? undefined : liveOf(grant);
  }

  /** A number that is another after every change of what the subject holds; 0 stands for nothing. */
  stampOf(subject: EntityUid): number {
    return this.#held.get(uidKey(subject))?.stamp ?? 0;
  }

  *all(): Iterable<LiveGrant> {
    for (const grant of this.#byId.values()) yield liveOf(grant);
  }

  /** Puts a changed one in its place; one that is not there stays away. */
  change(id: string, change: Partial<LiveGrant>): void {
    const grant = this.get(id);
    if (grant !== undefined) this.add({ ...grant, ...change });
  }

  add(grant: LiveGrant): void {
    this.remove(grant.id);
    const compact = this.#compactor.compact(grant);
    this.#put(compact, uidKey(compact.subject), this.#shared(uidKey(compact.resource)));
    this.#byExpiry.add(compact);
    // Those that ended long before their time are not kept until then.
    if (this.#byExpiry.size > MOST_STALE + 2 * this.size) this.#byExpiry.reset(this.#byId.values());
  }

  /** Holds these alone from now on. Their ids differ. */
  reset(grants: Iterable<CompactGrant>): void {
    this.clear();
    const keys = new Map<EntityUid, string>(); // equal ones are one object
    const keyOf = (uid: EntityUid): string => {
      const key = keys.get(uid) ?? uidKey(uid);
      keys.set(uid, key);
      return key;
    };
    for (const grant of grants) this.#put(grant, keyOf(grant.subject), keyOf(grant.resource));
    this.#byExpiry.reset(this.#byId.values());
  }

  remove(id: string): void {
    const grant = this.#byId.get(id);
    if (grant === undefined) return;
    this.#byId.delete(id);
    const subject = uidKey(grant.subject);
    const held = this.#held.get(subject);
    if (held === undefined) return;
    const resource = uidKey(grant.resource);
    const left = listOf(held.byResource.get(resource)).filter((other) => other.id !== id);
    if (left.length > 0) held.byResource.set(resource, left);
    else held.byResource.delete(resource);
    if (held.byResource.size === 0) this.#held.delete(subject);
    else held.stamp = ++this.#changes;
  }

  clear(): void {
    this.#byId.clear();
    this.#held.clear();
    this.#keys.clear();
    this.#byExpiry.reset([]);
  }

  /**
   * Forgets grants that had expired by then, and looks at no others. It must be the database's time, which no machine's clock can bend.
   */
  prune(before: Date): void {
    // One that was changed meanwhile is another object.
    for (const grant of this.#byExpiry.take(before.getTime()))
      if (this.#byId.get(grant.id) === grant) this.remove(grant.id);
  }

  #put(grant: CompactGrant, subject: string, resource: string): void {
    this.#byId.set(grant.id, grant);
    const stamp = ++this.#changes;
    const held = this.#held.get(subject);
    if (held === undefined) {
      this.#held.set(subject, { stamp, byResource: new Map([[resource, grant]]) });
      return;
    }
    held.stamp = stamp;
    const there = held.byResource.get(resource);
    if (there === undefined) held.byResource.set(resource, grant);
    else if ('id' in there) held.byResource.set(resource, [there, grant]);
    else there.push(grant);
  }

  #shared(key: string): string {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    if (this.#keys.size >= MOST_KEYS) this.#keys.clear();
    this.#keys.set(key, key);
    return key;
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
    const times = timesOf(question);
    return this.#aboutAnyOf(question)
      .filter((grant) => isLive(grant, times))
      .sort((a, b) => cost(a) - cost(b) || b.expiresMs - a.expiresMs || (a.id < b.id ? -1 : 1))
      .map(liveOf);
  }

  /** When the next of the scheduled grants begins that would then be among `coveringAnyOf`. */
  nextStart(question: GrantQuestionByKeys): Date | undefined {
    const times = timesOf(question);
    const starts = this.#aboutAnyOf(question)
      .filter(
        (grant) =>
          grant.common.state === 'SCHEDULED' && !isLive(grant, times) && times.lateMs < grant.expiresMs,
      )
      .map(({ startsMs }) => startsMs);
    return starts.length === 0 ? undefined : new Date(Math.min(...starts));
  }

  /** Those that the question is about, live or not, in no order. */
  aboutAnyOf(question: About): LiveGrant[] {
    return this.#aboutAnyOf(question).map(liveOf);
  }

  #aboutAnyOf({ principal, action, resourceKeys }: About): CompactGrant[] {
    const held = this.#held.get(uidKey(principal))?.byResource;
    if (held === undefined) return [];
    return [...resourceKeys()]
      .flatMap((resource) => held.get(resource) ?? [])
      .filter((grant) => grant.common.actions.some((it) => sameUid(it, action)));
  }
}

/** What a subject holds. */
interface Held {
  stamp: number;
  /** Nearly always there is one grant on a resource, which takes no list. */
  readonly byResource: Map<string, CompactGrant | CompactGrant[]>;
}

type About = Pick<GrantQuestionByKeys, 'principal' | 'action' | 'resourceKeys'>;

function listOf(held: CompactGrant | readonly CompactGrant[] | undefined): readonly CompactGrant[] {
  if (held === undefined) return [];
  return 'id' in held ? [held] : held;
}

interface Times {
  readonly lateMs: number;
  readonly earlyMs: number | undefined;
  readonly usedUp: boolean;
}

function timesOf({ late, early, usedUp = false }: GrantQuestionByKeys): Times {
  return { lateMs: late.getTime(), earlyMs: early?.getTime(), usedUp };
}

function isLive(grant: CompactGrant, { lateMs, earlyMs, usedUp }: Times): boolean {
  if (lateMs >= grant.expiresMs || (grant.usesLeft === 0 && !usedUp)) return false;
  return grant.common.state !== 'SCHEDULED' || (earlyMs !== undefined && earlyMs >= grant.startsMs);
}

/** What it takes to permit by it: nothing, one of its uses, or its beginning. */
function cost({ common, usesLeft }: CompactGrant): number {
  if (common.state !== 'ACTIVE') return 2;
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
