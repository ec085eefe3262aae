import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import { endGrant } from '../../../core/store/grant-changes.ts';
import { lockGrant } from '../../../core/store/grants.ts';
import { resolveItems } from '../../../core/store/request-changes.ts';
import { lockRequest } from '../../../core/store/requests.ts';
import { type Locked, readClock, transition, type Trx } from '../../../core/store/transition.ts';
import { migratedDatabase, type OpenDatabase } from './database.ts';
import { withdrawn } from './ledger-events.ts';
import { patiently } from './patiently.ts';
import { grant as grantRow, insert, item, request, review } from './valid-rows.ts';

const { id: grantId, starts_at: startsAt } = grantRow;
const { id: requestId } = request;

async function insertValidRows(owner: Database): Promise<void> {
  await insert('access_requests', request, {})(owner);
  await insert('request_items', item, {})(owner);
  await insert('grants', grantRow, {})(owner);
}

/** A database with one of everything, and how somebody else takes a row of it first. */
async function contended() {
  const { open } = await migratedDatabase();
  const owner = open('owner');
  await insertValidRows(owner);
  return { grant: open('grant'), owner, others: await owner.startTransaction().execute() };
}

async function nowAfter(locking: Promise<Locked<unknown> | undefined>): Promise<Date | undefined> {
  return (await locking)?.now;
}

async function somebodyWaits(owner: Database): Promise<void> {
  const waiting = async (): Promise<number | undefined> => {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`.execute(
      owner,
    );
    return rows[0]?.n;
  };
  await expect.poll(waiting, patiently).toBe(1);
}

test.for([
  { what: 'grant', table: 'grants', id: grantId, lock: (trx: Trx) => nowAfter(lockGrant(trx, grantId)) },
  {
    what: 'request',
    table: 'access_requests',
    id: requestId,
    lock: (trx: Trx) => nowAfter(lockRequest(trx, requestId)),
  },
])(
  'the clock of a $what that had to be waited for is not older than its lock',
  async ({ table, id, lock }) => {
    const { grant, owner, others } = await contended();
    await sql`SELECT FROM ${sql.table(table)} WHERE id = ${id} FOR UPDATE`.execute(others);
    const locking = grant.transaction().execute(lock);
    await somebodyWaits(owner);
    const beforeRelease = await owner.transaction().execute(readClock);
    await others.commit().execute();
    expect((await locking)?.getTime()).toBeGreaterThanOrEqual(beforeRelease.getTime());
  },
);

test('a request that had to be waited for has the vote that was cast meanwhile', async () => {
  const { grant, owner, others } = await contended();
  await sql`SELECT FROM access_requests WHERE id = ${requestId} FOR UPDATE`.execute(others);
  const locking = grant.transaction().execute((trx) => lockRequest(trx, requestId));
  await somebodyWaits(owner);
  await others
    .insertInto('reviews')
    .values({ ...review, reviewer: 'User::"late"' })
    .execute();
  await others.commit().execute();
  const found = await locking;
  expect(found?.row.reviews.map((each) => each.reviewer.id)).toContain('late');
});

test('a grant that had ended while its row was waited for is seen as ended', async () => {
  const { grant, owner, others } = await contended();
  await sql`UPDATE grants SET state = 'ENDED', end_reason = 'REVOKED', ended_at = starts_at WHERE id = ${grantId}`.execute(
    others,
  );
  const locking = grant.transaction().execute((trx) => lockGrant(trx, grantId));
  await somebodyWaits(owner);
  await others.commit().execute();
  expect((await locking)?.row.recorded).toMatchObject({ state: 'ENDED', endReason: 'REVOKED' });
});

test('L6 a write that is sent with the commit and fails takes everything with it', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  await insertValidRows(open('owner'));
  const end = (trx: Trx) => endGrant(trx, grantId, { endReason: 'REVOKED', endedAt: new Date(startsAt) });
  const twice = transition(grant, 0n, async (trx) => {
    await end(trx);
    await end(trx);
    return { events: [withdrawn(requestId)], result: undefined };
  });
  await expect(twice).rejects.toThrow(`grant ${grantId} was not as expected`);
  expect(await states(open)).toEqual({ grant: 'ACTIVE', revision: 0n });
});

test('an item that is not pending is not resolved, though the commit was sent with it', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant');
  await insertValidRows(open('owner'));
  const twice = transition(grant, 0n, async (trx) => {
    const found = await lockRequest(trx, requestId);
    if (found === undefined) throw new Error('there is no request');
    const denied = { item: 0, state: 'DENIED', at: found.now } as const;
    await resolveItems(trx, found.row, [denied, denied]);
    return { events: [withdrawn(requestId)], result: undefined };
  });
  await expect(twice).rejects.toThrow(`item 0 of request ${requestId} was not pending`);
  expect(await states(open)).toEqual({ grant: 'ACTIVE', revision: 0n });
});

test('a transaction that was given up leaves nothing for the next one on its connection', async () => {
  const { open } = await migratedDatabase();
  const grant = open('grant', { poolSize: 1 });
  await insertValidRows(open('owner'));
  const givenUp = transition(grant, 0n, async (trx) => {
    await endGrant(trx, grantId, { endReason: 'REVOKED', endedAt: new Date(startsAt) });
    throw new Error('given up');
  });
  await expect(givenUp).rejects.toThrow('given up');
  const next = await transition(grant, 0n, async () => ({
    events: [withdrawn(requestId)],
    result: undefined,
  }));
  expect(next.revision).toBe(1n);
  expect(await states(open)).toEqual({ grant: 'ACTIVE', revision: 1n });
});

async function states(open: OpenDatabase['open']) {
  const owner = open('owner');
  const row = await owner.selectFrom('grants').select('state').where('id', '=', grantId).executeTakeFirst();
  const head = await owner.selectFrom('ledger_head').select('revision').executeTakeFirst();
  return { grant: row?.state, revision: head?.revision };
}

test('the clock is read now, not when the transaction began, and in whole milliseconds', async () => {
  const grant = (await migratedDatabase()).open('grant');
  await grant.transaction().execute(async (trx) => {
    const began = await sql<{ at: Date }>`SELECT now() AS at`.execute(trx);
    await sql`SELECT pg_sleep(0.005)`.execute(trx);
    const now = await readClock(trx);
    expect(now.getTime()).toBeGreaterThan(began.rows[0]?.at.getTime() ?? Number.POSITIVE_INFINITY);
  });
});
