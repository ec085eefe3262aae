import { type CompiledQuery, createQueryId, RawNode } from 'kysely';
import type { Database } from './connect.ts';
import type { Trx } from './transition.ts';

/**
 * A statement with a text of its own, which each connection parses and plans once. It names its columns: of `*` the database would
 * refuse to go on after a migration that adds one.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** It reads or locks only. What writes is not sent before its transaction is known to have begun. */
  readonly isRead: boolean;
}

const DIVISION_BY_ZERO = '22012';

/** One execution of a statement. */
export class Call<Row = unknown> {
  readonly statement: Statement;
  readonly parameters: readonly unknown[];
  readonly #whenNone: (() => Error) | undefined;
  #rows: readonly Row[] | undefined;

  /** @param whenNone what it means that a statement divided by the number of its rows and there were none */
  constructor(statement: Statement, parameters: readonly unknown[], whenNone?: () => Error) {
    this.statement = statement;
    this.parameters = parameters;
    this.#whenNone = whenNone;
  }

  /** What it answered. @throws Error before it has */
  get rows(): readonly Row[] {
    if (this.#rows === undefined) throw new Error(`${this.statement.name} has not been answered`);
    return this.#rows;
  }

  answered(rows: readonly unknown[]): void {
    this.#rows = rows as readonly Row[]; // whoever makes the call says what its text selects
  }

  /** What a failure of it means. */
  explain(error: unknown): unknown {
    const isNone = error instanceof Error && 'code' in error && error.code === DIVISION_BY_ZERO;
    return isNone && this.#whenNone !== undefined ? this.#whenNone() : error;
  }
}

/** Calls on their way through kysely, which knows single queries only. */
export class Batch implements CompiledQuery {
  readonly query: RawNode;
  readonly queryId = createQueryId();
  readonly sql: string;
  readonly parameters: readonly unknown[] = [];
  readonly calls: readonly Call[];
  /** Not sent before somebody waits for an answer, or for the commit. */
  readonly isLater: boolean;

  constructor(calls: readonly Call[], isLater: boolean) {
    this.sql = calls.map((call) => call.statement.text).join(';\n');
    this.query = RawNode.createWithSql(this.sql);
    this.calls = calls;
    this.isLater = isLater;
  }
}

/**
 * Executes the calls one after the other with one round trip. Each sees what was committed before it began, and waits for locks before
 * the next begins.
 * @throws Error of the first that failed
 */
export async function send(executor: Database | Trx, ...calls: readonly Call[]): Promise<void> {
  await executor.executeQuery(new Batch(calls, false));
}

/** The same, but sent along with what the transaction sends next, at the latest with its commit, which then fails if they do. */
export async function sendLater(trx: Trx, ...calls: readonly Call[]): Promise<void> {
  await trx.executeQuery(new Batch(calls, true));
}
