import {
  AbortedTransactionError,
  type CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import type pg from 'pg';
import { Batch, Call } from './statement.ts';

/**
 * One connection for one user at a time. A transaction begins with its first statement, in the same round trip, and what is to be sent
 * later goes with what is waited for next.
 */
export class PipelinedConnection implements DatabaseConnection {
  readonly #client: pg.PoolClient;
  /** The beginning of a transaction that nothing was sent of. */
  #begin: pg.QueryConfig | undefined;
  #later: Call[] = [];
  #isCommitSent = false;
  /**
   * A statement went unanswered: after a partition or a failover TCP keeps a dead connection for many minutes, and every further
   * statement would queue up behind the first.
   */
  #isMute = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (query instanceof Batch) {
      this.#later.push(...query.calls);
      if (!query.isLater) await this.#sendAll();
      return { rows: [] };
    }
    await this.#sendAll();
    const { command, rowCount, rows } = await this.#ask({ text: query.sql, values: [...query.parameters] });
    const isChange = ['INSERT', 'UPDATE', 'DELETE', 'MERGE'].includes(command);
    return {
      rows: rows as R[], // kysely's promise about its own query
      ...(isChange ? { numAffectedRows: BigInt(rowCount ?? 0) } : {}),
    };
  }

  streamQuery(): never {
    throw new Error('rows are not streamed here');
  }

  begin({ isolationLevel, accessMode }: TransactionSettings): void {
    const isolation = isolationLevel === undefined ? '' : ` ISOLATION LEVEL ${isolationLevel}`;
    this.#begin = { text: `BEGIN${isolation}${accessMode === undefined ? '' : ` ${accessMode}`}` };
    this.#isCommitSent = false;
  }

  /** @throws the error of the first statement that failed; the transaction is then rolled back */
  async commit(): Promise<void> {
    if (this.#begin !== undefined && this.#later.length === 0) {
      this.#begin = undefined;
      return;
    }
    await this.#sendBegin();
    this.#isCommitSent = true;
    const results = await this.#together([...this.#take(), { text: 'COMMIT' }]);
    if (results.at(-1)?.command === 'ROLLBACK') throw new AbortedTransactionError();
  }

  async rollback(): Promise<void> {
    const isBegun = this.#begin === undefined;
    this.#begin = undefined;
    this.#later = [];
    // A commit that failed has rolled back, or its connection is lost.
    if (isBegun && !this.#isCommitSent) await this.#ask({ text: 'ROLLBACK' });
  }

  release(): void {
    this.#client.release(this.#isMute);
  }

  async #sendAll(): Promise<void> {
    const calls = this.#take();
    // If it did not begin, each statement would be a transaction of its own: reading in it does no harm, writing does.
    if (calls.length === 0 || calls.some((call) => !call.statement.isRead)) await this.#sendBegin();
    const begin = this.#begin;
    this.#begin = undefined;
    await this.#together(begin === undefined ? calls : [begin, ...calls]);
  }

  async #sendBegin(): Promise<void> {
    const begin = this.#begin;
    this.#begin = undefined;
    if (begin !== undefined) await this.#ask(begin);
  }

  #take(): readonly Call[] {
    const calls = this.#later;
    this.#later = [];
    return calls;
  }

  /** Sends all with one write, and waits for all. @throws the error of the first that failed */
  async #together(sent: readonly (Call | pg.QueryConfig)[]): Promise<readonly pg.QueryResult[]> {
    const { stream } = this.#client.connection;
    stream.cork();
    const answering = sent.map((each) => (each instanceof Call ? this.#call(each) : this.#ask(each)));
    stream.uncork();
    // All of them: what is still on its way must not meet the next user of the connection.
    await Promise.allSettled(answering);
    return await Promise.all(answering);
  }

  async #call(call: Call): Promise<pg.QueryResult> {
    const { name, text } = call.statement;
    try {
      const result = await this.#ask({ name, text, values: [...call.parameters] });
      call.answered(result.rows);
      return result;
    } catch (error) {
      throw call.explain(error);
    }
  }

  async #ask(query: pg.QueryConfig): Promise<pg.QueryResult> {
    try {
      return await this.#client.query(query);
    } catch (error) {
      this.#isMute ||= error instanceof Error && error.message === 'Query read timeout';
      throw error;
    }
  }
}
