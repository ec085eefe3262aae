import type { KyselyPlugin, QueryResult, UnknownRow } from 'kysely';

/** What a network or a broken server may make of the rows of an answer. */
export type Fault = (rows: UnknownRow[]) => UnknownRow[];

/** Passes answers of the real database through a fault, for `database.withPlugin`. */
export function faultyAnswers(fault: Fault): KyselyPlugin {
  return {
    transformQuery: ({ node }) => node,
    transformResult: ({ result }) => Promise.resolve(withRows(result, fault)),
  };
}

function withRows(result: QueryResult<UnknownRow>, fault: Fault): QueryResult<UnknownRow> {
  return { ...result, rows: fault([...result.rows]) };
}

/** Whether the rows are events of the ledger, not a part of a snapshot. */
export function areEvents(rows: readonly UnknownRow[]): boolean {
  return rows[0] !== undefined && 'hash_at_cursor' in rows[0] && rows[0]['revision'] !== null;
}
