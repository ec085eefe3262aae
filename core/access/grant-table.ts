import type { CompactGrant, GrantCommon } from './compact-grant.ts';
import type { LiveGrant } from './grant.ts';
import { IdColumn } from './id-column.ts';
import { NamedEntities, type NamedEntity } from './named-entities.ts';
import { NumberColumn } from './number-column.ts';

/**
 * Grants by row, a column for each of their parts: of a million an object each, with those inside of it, would have the garbage collector
 * at work for longer than all else takes.
 */
export class GrantTable {
  readonly #entities = new NamedEntities();
  /** Rows that hold nothing any more, to be used again. */
  readonly #free: number[] = [];

  readonly #ids = new IdColumn();
  readonly #requestIds = new IdColumn();
  readonly #requesters: NamedEntity[] = [];
  readonly #subjects: NamedEntity[] = [];
  readonly #resources: NamedEntity[] = [];
  readonly #reasons: string[] = [];
  readonly #tickets: string[] = [];
  /** Undefined where the row holds nothing any more. */
  readonly #commons: (GrantCommon | undefined)[] = [];
  readonly #starts = new NumberColumn();
  readonly #expiries = new NumberColumn();
  /** NaN where it is undefined, here and below. */
  readonly #lastUses = new NumberColumn();
  readonly #usesLeft = new NumberColumn();

  get size(): number {
    return this.#commons.length - this.#free.length;
  }

  /** Of all grants, those that change meanwhile included. */
  *rows(): Iterable<number> {
    for (let row = 0; row < this.#commons.length; row += 1) if (this.#commons[row] !== undefined) yield row;
  }

  *all(): Iterable<LiveGrant> {
    for (const row of this.rows()) yield this.grant(row);
  }

  /** The entity of that `uidKey`, if a grant names it. */
  entity(key: string): NamedEntity | undefined {
    return this.#entities.get(key);
  }

  /** Adds a grant that is not there yet. @returns its row, until it is removed */
  add(grant: CompactGrant): number {
    const row = this.#free.at(-1) ?? this.#commons.length;
    this.#ids.set(row, grant.id);
    this.#requestIds.set(row, grant.requestId);
    const { requester, subject } = grant;
    const holder = this.#entities.take(subject);
    this.#subjects[row] = holder;
    this.#requesters[row] = this.#entities.take(requester, requester === subject ? holder : undefined);
    this.#resources[row] = this.#entities.take(grant.resource);
    this.#reasons[row] = grant.reason;
    this.#tickets[row] = grant.ticket;
    this.#starts.set(row, grant.startsMs);
    this.#expiries.set(row, grant.expiresMs);
    this.#lastUses.set(row, grant.lastUsedMs ?? Number.NaN);
    this.#usesLeft.set(row, grant.usesLeft ?? Number.NaN);
    this.#commons[row] = grant.common;
    this.#free.pop();
    return row;
  }

  remove(row: number): void {
    for (const entity of [this.requester(row), this.subject(row), this.resource(row)])
      this.#entities.release(entity);
    this.#reasons[row] = this.#tickets[row] = '';
    this.#commons[row] = undefined;
    this.#free.push(row);
  }

  id(row: number): string {
    return this.#ids.get(row);
  }

  /** Equal for equal ids: `hashOfId`. */
  idHash(row: number): number {
    return this.#ids.hash(row);
  }

  requester(row: number): NamedEntity {
    return part(this.#requesters, row);
  }

  subject(row: number): NamedEntity {
    return part(this.#subjects, row);
  }

  resource(row: number): NamedEntity {
    return part(this.#resources, row);
  }

  common(row: number): GrantCommon {
    return part<GrantCommon | undefined>(this.#commons, row) as GrantCommon; // one that is used
  }

  startsMs(row: number): number {
    return this.#starts.get(row);
  }

  expiresMs(row: number): number {
    return this.#expiries.get(row);
  }

  usesLeft(row: number): number | undefined {
    return defined(this.#usesLeft.get(row));
  }

  /** The grant as everybody else knows it. */
  grant(row: number): LiveGrant {
    const lastUsedMs = defined(this.#lastUses.get(row));
    return {
      ...this.common(row),
      id: this.id(row),
      requestId: this.#requestIds.get(row),
      requester: this.requester(row).uid,
      subject: this.subject(row).uid,
      resource: this.resource(row).uid,
      reason: part(this.#reasons, row),
      ticket: part(this.#tickets, row),
      usesLeft: this.usesLeft(row),
      startsAt: new Date(this.startsMs(row)),
      expiresAt: new Date(this.expiresMs(row)),
      lastUsedAt: lastUsedMs === undefined ? undefined : new Date(lastUsedMs),
    };
  }
}

function part<T>(column: readonly T[], row: number): T {
  return column[row] as T; // a row of this table has all its parts
}

function defined(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}
