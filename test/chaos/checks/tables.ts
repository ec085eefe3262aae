import type { Database } from '../../../core/store/connect.ts';
import type { Life } from './lifecycle.ts';
import type { Violation } from './violation.ts';

/** What the ledger comes to and what the tables say are the same, row by row. */
export async function checkTables(
  database: Database,
  lives: ReadonlyMap<string, Life>,
): Promise<Violation[]> {
  const expected = new Map([...lives.values()].flatMap(linesOf));
  const found = new Map([...(await requestLines(database)), ...(await grantLines(database))]);
  return [...new Set([...expected.keys(), ...found.keys()])]
    .filter((key) => expected.get(key) !== found.get(key))
    .map((key) => ({
      invariant: 'I11',
      what: `${key}: the ledger says ${expected.get(key) ?? 'nothing'}, the table ${found.get(key) ?? 'nothing'}`,
    }));
}

type Line = readonly [key: string, says: string];

function linesOf({ requestId, state, voters, grant }: Life): readonly Line[] {
  const request: Line = [
    `request ${requestId}`,
    `${state} ${state}, votes of ${[...voters].toSorted().join(' ')}`,
  ];
  if (grant === undefined) return [request];
  const { started, ended } = grant;
  const window = `${started.startsAt.toISOString()} ${started.expiresAt.toISOString()}`;
  const stands = ended === undefined ? 'ACTIVE' : `ENDED ${ended.endReason} ${ended.endedAt.toISOString()}`;
  return [request, [`grant ${started.grantId}`, `${window} ${stands}`]];
}

async function requestLines(database: Database): Promise<readonly Line[]> {
  const requests = await database
    .selectFrom('access_requests')
    .innerJoin('request_items', 'request_items.request_id', 'access_requests.id')
    .select(['access_requests.id', 'access_requests.state', 'request_items.state as item_state'])
    .execute();
  const reviews = await database.selectFrom('reviews').select(['request_id', 'reviewer']).execute();
  const voters = Map.groupBy(reviews, (review) => review.request_id);
  return requests.map(({ id, state, item_state: itemState }): Line => {
    const names = (voters.get(id) ?? []).map((review) => review.reviewer).toSorted();
    return [`request ${id}`, `${state} ${itemState}, votes of ${names.join(' ')}`];
  });
}

async function grantLines(database: Database): Promise<readonly Line[]> {
  const grants = await database.selectFrom('grants').selectAll().execute();
  return grants.map((grant): Line => {
    const window = `${grant.starts_at.toISOString()} ${grant.expires_at.toISOString()}`;
    const ended =
      grant.state === 'ACTIVE' ? 'ACTIVE' : `ENDED ${grant.end_reason} ${grant.ended_at?.toISOString()}`;
    return [`grant ${grant.id}`, `${window} ${ended}`];
  });
}
