import { type QueryResult, type RawBuilder, sql } from 'kysely';
import type { Trx } from './transition.ts';

/** Pages asked for before they are needed, so that neither side waits whenever the other is held up. */
const AHEAD = 4;

/**
 * What a query finds, page by page, by a cursor: whatever there is, each page costs what its rows cost. The database makes the next ones
 * while one is taken in. One query at a time in a transaction.
 */
export async function* pagesOf<Row>(trx: Trx, query: RawBuilder<Row>): AsyncGenerator<readonly Row[]> {
  await sql`DECLARE pages NO SCROLL CURSOR FOR ${query}`.execute(trx);
  const coming = Array.from({ length: AHEAD }, () => fetchNext<Row>(trx));
  for (let page = coming.shift(); page !== undefined; page = coming.shift()) {
    const { rows } = await page;
    if (rows.length === 0) break;
    coming.push(fetchNext(trx));
    yield rows;
  }
  await sql`CLOSE pages`.execute(trx);
}

function fetchNext<Row>(trx: Trx): Promise<QueryResult<Row>> {
  // So few that none runs into the statement timeout, on a machine that is busy with other things either.
  const page = sql<Row>`FETCH 1000 FROM pages`.execute(trx);
  page.catch(() => undefined); // it is told when it is awaited; when it is not, another failure came first
  return page;
}
