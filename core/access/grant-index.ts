import { type GrantCommon, GrantCompactor } from './compact-grant.ts';
import type { Directory } from './directory.ts';
import { type EntityUid, sameUid, uidKey } from './entity.ts';
import { ExpiryHeap } from './expiry-heap.ts';
import type { LiveGrant } from './grant.ts';
import { GrantTable } from './grant-table.ts';
import { hashOfId } from './id-column.ts';
import type { NamedEntity } from './named-entities.ts';
import { RowChains } from './row-chains.ts';

/** The grants that have not ended, in memory, by subject and resource; and those used up, for the calls that used them. */
export class GrantIndex {
  readonly #compactor = new GrantCompactor();
  #table = new GrantTable();
  #byId = chainsById(this.#table);
  /** By subject and resource. */
  #byPair = chainsByPair(this.#table);
  #byExpiry = new ExpiryHeap(this.#table);
  #changes = 0;

  get size(): number {
    return this.#table.size;
  }

  get(id: string): LiveGrant | undefined {
    const row = this.#rowOf(id);
    return row === undefined ? undefined : this.#table.grant(row);
  }

  /** A number that is another after every change of what the subject holds. */
  stampOf(subject: EntityUid): number {
    return this.#table.entity(uidKey(subject))?.stamp ?? 0;
  }

  /** Those that change or come by `reset` while it is gone through are among them. */
  *all(): Iterable<LiveGrant> {
    for (let table: GrantTable | undefined; table !== this.#table; ) {
      table = this.#table;
      for (const grant of table.all()) {
        yield grant;
        if (table !== this.#table) break;
      }
    }
  }

  /** Those that somebody else than their holder asked for. */
  *askedForOthers(): Iterable<LiveGrant> {
    for (const row of this.#table.rows())
      if (this.#table.requester(row) !== this.#table.subject(row)) yield this.#table.grant(row);
  }

  /** Puts a changed one in its place; one that is not there stays away. */
  change(id: string, change: Partial<LiveGrant>): void {
    const grant = this.get(id);
    if (grant !== undefined) this.add({ ...grant, ...change });
  }

  add(grant: LiveGrant): void {
    this.remove(grant.id);
    const row = this.#table.add(this.#compactor.compact(grant));
    this.#byId.add(row);
    this.#byPair.add(row);
    this.#byExpiry.add(row);
    this.#table.subject(row).stamp = ++this.#changes;
  }

  /** Holds those of the table alone from now on; the table is its own. */
  reset(table: GrantTable): void {
    this.#table = table;
    this.#byId = chainsById(table);
    this.#byPair = chainsByPair(table);
    this.#byExpiry = new ExpiryHeap(table);
    this.#changes += 1;
    for (const row of table.rows()) table.subject(row).stamp = this.#changes;
  }

  remove(id: string): void {
    const row = this.#rowOf(id);
    if (row === undefined) return;
    this.#table.subject(row).stamp = ++this.#changes;
    this.#byId.remove(row);
    this.#byPair.remove(row);
    this.#byExpiry.remove(row);
    this.#table.remove(row);
  }

  /**
   * Forgets grants that had expired by then, and looks at no others. It must be the database's time, which no machine's clock can bend.
   */
  prune(before: Date): void {
    const beforeMs = before.getTime();
    for (let row = this.#byExpiry.first; row !== undefined; row = this.#byExpiry.first) {
      if (this.#table.expiresMs(row) > beforeMs) return;
      this.remove(this.#table.id(row));
    }
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
      .filter((row) => this.#isLive(row, times))
      .sort((a, b) => this.#compare(a, b))
      .map((row) => this.#table.grant(row));
  }

  /** When the next of the scheduled grants begins that would then be among `coveringAnyOf`. */
  nextStart(question: GrantQuestionByKeys): Date | undefined {
    const times = timesOf(question);
    const starts = this.#aboutAnyOf(question)
      .filter((row) => this.#table.common(row).state === 'SCHEDULED' && !this.#isLive(row, times))
      .filter((row) => times.lateMs < this.#table.expiresMs(row))
      .map((row) => this.#table.startsMs(row));
    return starts.length === 0 ? undefined : new Date(Math.min(...starts));
  }

  /** Those that the question is about, live or not, in no order. */
  aboutAnyOf(question: About): LiveGrant[] {
    return this.#aboutAnyOf(question).map((row) => this.#table.grant(row));
  }

  /** Rows. */
  #aboutAnyOf({ principal, action, resourceKeys }: About): number[] {
    const table = this.#table;
    const subject = table.entity(uidKey(principal));
    if (subject === undefined) return [];
    const rows: number[] = [];
    for (const key of resourceKeys()) {
      const resource = table.entity(key);
      if (resource === undefined) continue;
      for (const row of this.#byPair.of(hashOfPair(subject, resource)))
        if (
          table.subject(row) === subject &&
          table.resource(row) === resource &&
          names(table.common(row), action)
        )
          rows.push(row);
    }
    return rows;
  }

  #rowOf(id: string): number | undefined {
    return this.#byId.of(hashOfId(id)).find((row) => this.#table.id(row) === id);
  }

  #isLive(row: number, { lateMs, earlyMs, usedUp }: Times): boolean {
    const table = this.#table;
    if (lateMs >= table.expiresMs(row) || (table.usesLeft(row) === 0 && !usedUp)) return false;
    const isScheduled = table.common(row).state === 'SCHEDULED';
    return !isScheduled || (earlyMs !== undefined && earlyMs >= table.startsMs(row));
  }

  #compare(a: number, b: number): number {
    const table = this.#table;
    return (
      this.#cost(a) - this.#cost(b) ||
      table.expiresMs(b) - table.expiresMs(a) ||
      (table.id(a) < table.id(b) ? -1 : 1)
    );
  }

  /** What it takes to permit by it: nothing, one of its uses, or its beginning. */
  #cost(row: number): number {
    if (this.#table.common(row).state !== 'ACTIVE') return 2;
    return this.#table.usesLeft(row) === undefined ? 0 : 1;
  }
}

type About = Pick<GrantQuestionByKeys, 'principal' | 'action' | 'resourceKeys'>;

function chainsById(table: GrantTable): RowChains {
  const chains = new RowChains((row) => table.idHash(row), table.size);
  for (const row of table.rows()) chains.add(row);
  return chains;
}

function chainsByPair(table: GrantTable): RowChains {
  const chains = new RowChains((row) => hashOfPair(table.subject(row), table.resource(row)), table.size);
  for (const row of table.rows()) chains.add(row);
  return chains;
}

function hashOfPair(subject: NamedEntity, resource: NamedEntity): number {
  const mixed = Math.imul(subject.number, 0x9e3779b1) ^ Math.imul(resource.number, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

function names({ actions }: GrantCommon, action: EntityUid): boolean {
  return actions.some((it) => sameUid(it, action));
}

interface Times {
  readonly lateMs: number;
  readonly earlyMs: number | undefined;
  readonly usedUp: boolean;
}

function timesOf({ late, early, usedUp = false }: GrantQuestionByKeys): Times {
  return { lateMs: late.getTime(), earlyMs: early?.getTime(), usedUp };
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
