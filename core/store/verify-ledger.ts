import { sql } from 'kysely';
import { changesBasis } from '../access/event.ts';
import type { Database } from './connect.ts';
import { guarded } from './database-error.ts';
import { GENESIS_HASH } from './ledger.ts';
import { chain, leafOf, textDigest } from './ledger-row.ts';
import type { Trx } from './transition.ts';

/** One thing that is wrong with the ledger. */
export interface LedgerFault {
  readonly revision: bigint;
  /** What does not fit; never what the row says. */
  readonly description: string;
}

/** What a check of the ledger found. */
export interface LedgerVerdict {
  /** Whether every row checked is whole and linked, and the head is the last row. */
  readonly intact: boolean;
  /** 0 when there was no row to check. */
  readonly firstRevision: bigint;
  /** The last row checked; 0 when there was none. */
  readonly lastRevision: bigint;
  readonly headHash: Buffer;
  /** By revision, at most 100: there the check ends. */
  readonly faults: readonly LedgerFault[];
}

const PAGE = 5_000;
const MOST_FAULTS = 100;

/**
 * Recomputes the chain from a revision on, as of one instant, and says where it breaks: rows that are missing, not linked or not
 * what their hash covers, columns and texts that are not what the body says, a head that is not the last row. A text that was
 * erased is no fault. What is before `from` is taken as it is.
 * @throws AccessError DATABASE_UNAVAILABLE
 */
export function verifyLedger(database: Database, from: bigint): Promise<LedgerVerdict> {
  return guarded(() =>
    database
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute((trx) => verifyAsSeen(trx, from)),
  );
}

/** The same as a transaction that is open already sees it. */
export async function verifyAsSeen(trx: Trx, first: bigint): Promise<LedgerVerdict> {
  const from = first > 1n ? first : 1n;
  const head = await trx.selectFrom('ledger_head').selectAll().executeTakeFirstOrThrow();
  const check = new ChainCheck(head, from, await hashBefore(trx, from));
  let rows = await readPage(trx, from - 1n);
  for (;;) {
    const last = rows.at(-1);
    if (last === undefined || check.isFull) break;
    // Read while these are hashed.
    const next = rows.length < PAGE ? [] : readPage(trx, last.revision);
    for (const row of rows) check.row(row);
    rows = await next;
  }
  return check.verdict();
}

async function hashBefore(trx: Trx, from: bigint): Promise<Buffer | undefined> {
  if (from === 1n) return GENESIS_HASH;
  const row = await trx
    .selectFrom('ledger')
    .select('hash')
    .where('revision', '=', from - 1n)
    .executeTakeFirst();
  return row?.hash;
}

function readPage(trx: Trx, after: bigint) {
  return (
    trx
      .selectFrom('ledger')
      .leftJoin('ledger_text', 'ledger_text.revision', 'ledger.revision')
      .select(['ledger.revision', 'kind', 'actor', 'request_id', 'grant_id'])
      .select(['body', 'previous_hash', 'hash', 'salt', 'text'])
      // A number is read in a tenth of the time that a date takes.
      .select(sql<number>`(extract(epoch FROM at) * 1000)::float8`.as('at_ms'))
      .where('ledger.revision', '>', after)
      .orderBy('ledger.revision')
      .limit(PAGE)
      .execute()
  );
}

type Row = Awaited<ReturnType<typeof readPage>>[number];

interface Head {
  readonly revision: bigint;
  readonly hash: Buffer;
  readonly basis_revision: bigint;
}

/** A walk along the rows, in order. It lives for one check. */
class ChainCheck {
  readonly #head: Head;
  readonly #from: bigint;
  readonly #faults: LedgerFault[] = [];
  #first = 0n;
  #last: bigint;
  /** Of the row at `#last`; undefined when that row is missing. */
  #hash: Buffer | undefined;
  #basis: bigint | undefined;

  constructor(head: Head, from: bigint, hashBefore: Buffer | undefined) {
    this.#head = head;
    this.#from = from;
    this.#last = from - 1n;
    this.#hash = hashBefore;
    if (hashBefore === undefined && from <= head.revision + 1n)
      this.#fault(from - 1n, 'the row before the first one to check is missing');
  }

  get isFull(): boolean {
    return this.#faults.length >= MOST_FAULTS;
  }

  row(row: Row): void {
    if (this.isFull) return;
    const expected = this.#last + 1n;
    if (row.revision !== expected) {
      this.#fault(expected, `missing, up to the row before ${row.revision}`);
      this.#hash = undefined;
    }
    if (row.revision > this.#head.revision)
      this.#fault(row.revision, `beyond the head, which is at ${this.#head.revision}`);
    for (const description of faultsOf(row, this.#hash)) this.#fault(row.revision, description);
    if (this.#first === 0n) this.#first = row.revision;
    this.#last = row.revision;
    this.#hash = row.hash;
    if (changesBasis(row.kind)) this.#basis = row.revision;
  }

  verdict(): LedgerVerdict {
    if (!this.isFull) this.#checkEnd();
    return {
      intact: this.#faults.length === 0,
      firstRevision: this.#first,
      lastRevision: this.#first === 0n ? 0n : this.#last,
      headHash: this.#head.hash,
      faults: this.#faults,
    };
  }

  #checkEnd(): void {
    const { revision, hash, basis_revision: basis } = this.#head;
    if (this.#last < revision) this.#fault(this.#last + 1n, `missing, up to the head at ${revision}`);
    if (this.#last > revision && this.#first === 0n)
      this.#fault(this.#last, `missing: the head is at ${revision}`);
    if (this.#last === revision && this.#hash !== undefined && !this.#hash.equals(hash))
      this.#fault(revision, 'the head has another hash than its row');
    if (this.#basis === undefined ? basis >= this.#from : basis !== this.#basis)
      this.#fault(revision, 'the head has another basis_revision than the rows');
  }

  #fault(revision: bigint, description: string): void {
    if (!this.isFull) this.#faults.push({ revision, description });
  }
}

function* faultsOf(row: Row, previousHash: Buffer | undefined): Iterable<string> {
  if (previousHash !== undefined && !row.previous_hash.equals(previousHash))
    yield 'previous_hash is not the hash of the row before';
  if (!row.hash.equals(chain(row.previous_hash, leafOf(row.body))))
    yield 'hash does not cover previous_hash and body';
  const facts = parseFacts(row.body);
  if (facts === undefined) {
    yield 'body is not a JSON object';
    return;
  }
  if (row.at_ms !== msOf(facts['at'])) yield 'at is not what body says';
  for (const [column, field] of COLUMNS)
    if ((facts[field] ?? null) !== row[column]) yield `${column} is not what body says`;
  if (row.text === null || row.salt === null) return;
  if (facts['textDigest'] !== textDigest(row.salt, row.text))
    yield 'text is not the one whose digest body holds';
}

/** Columns, and the fields of the body that they repeat. */
const COLUMNS = [
  ['kind', 'kind'],
  ['actor', 'actor'],
  ['request_id', 'requestId'],
  ['grant_id', 'grantId'],
] as const;

/** NaN, which equals nothing, when it is no instant. */
function msOf(written: unknown): number {
  return typeof written === 'string' ? Date.parse(written) : Number.NaN;
}

function parseFacts(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const facts: unknown = JSON.parse(body);
    if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) return undefined;
    return facts as Readonly<Record<string, unknown>>; // neither null nor a list
  } catch {
    return undefined; // told as a fault
  }
}
