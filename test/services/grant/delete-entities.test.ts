import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { database, errorOf, grantIdOf, submitted, vote } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const person = (id: string) => ({ type: 'User', id });

async function join(id: string): Promise<void> {
  const { services } = await stack.as('root');
  await services.directory.applyEntities({
    entities: [{ uid: person(id), parents: [{ type: 'Group', id: 'staff' }] }],
  });
}

/** Holds rows while something else is made to wait for them. */
async function holding<T>(sql: string, during: (isWaitedFor: () => Promise<void>) => Promise<T>): Promise<T> {
  const holder = new pg.Client({ connectionString: stack.database.ownerUrl });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query(sql);
  try {
    return await during(async () => {
      const waiting = () =>
        stack.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
      await expect.poll(async () => (await waiting()).length, { timeout: 60_000 }).toBeGreaterThan(0);
    });
  } finally {
    await holder.query('COMMIT');
    await holder.end();
  }
}

it('what is requested and granted while somebody is being deleted does not outlive them', async () => {
  await join('zed');
  const root = await stack.as('root');
  const { deleting, granted, pending } = await holding(
    `SELECT FROM entities WHERE uid = 'User::"zed"' FOR UPDATE`,
    async (isWaitedFor) => {
      // It has looked for what ends with zed, and waits to mark them deleted.
      const call = root.services.directory.deleteEntities({ uids: [person('zed')] });
      await isWaitedFor();
      const first = await submitted(stack, 'zed', { resource: database('scratch') });
      const second = await submitted(stack, 'zed');
      return { deleting: call, granted: grantIdOf(first), pending: second.id };
    },
  );
  const { endedGrantIds, withdrawnRequestIds } = await deleting;
  expect(endedGrantIds).toEqual([granted]);
  expect(withdrawnRequestIds).toEqual([pending]);
  await root.services.directory.applyEntities({ entities: [{ uid: person('zed') }], allowReuse: true });
  const live = await stack.query(`SELECT id FROM grants WHERE subject = 'User::"zed"' AND state = 'ACTIVE'`);
  expect(live).toEqual([]);
});

it('a grant that starts while its subject is being deleted ends after it began', async () => {
  await join('yan');
  const root = await stack.as('root');
  const request = await submitted(stack, 'yan');
  const calls = await holding(
    `SELECT FROM access_requests WHERE subject = 'User::"yan"' FOR UPDATE`,
    async (isWaitedFor) => {
      const voting = vote(stack, 'bob', request);
      await isWaitedFor();
      return [voting, root.services.directory.deleteEntities({ uids: [person('yan')] })];
    },
  );
  await Promise.allSettled(calls);
  const grants = await stack.query(
    `SELECT state::text, ended_at >= starts_at AS in_order FROM grants WHERE subject = 'User::"yan"'`,
  );
  expect(grants.every((grant) => grant['state'] === 'ENDED' && grant['in_order'] === true)).toBe(true);
  const times = await stack.query<{ at: Date }>(
    `SELECT at FROM ledger WHERE request_id = $1 ORDER BY revision`,
    [request.id],
  );
  const inOrder = times.map(({ at }) => at.getTime());
  expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
});

it('W4 the vote of a deleted reviewer does not count for whoever gets the id', async () => {
  const root = (await stack.as('root')).services.directory;
  const owner = { uid: person('olf'), parents: [{ type: 'Group', id: 'security' }] };
  await root.applyEntities({ entities: [owner] });
  const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-1' });
  await vote(stack, 'olf', request);
  const { unvotedRequestIds, withdrawnRequestIds } = await root.deleteEntities({ uids: [owner.uid] });
  expect([unvotedRequestIds, withdrawnRequestIds]).toEqual([[request.id], []]);
  await root.applyEntities({ entities: [owner], allowReuse: true });
  const { request: after } = await vote(stack, 'bob', request);
  expect(after?.items[0]?.steps.map(({ filledBy }) => filledBy.map(({ id }) => id))).toEqual([['bob'], []]);
  const { request: done } = await vote(stack, 'olf', request);
  expect(done?.state).toBe(RequestState.APPROVED);
});

it('nobody is inside of a group that was deleted', async () => {
  const root = await stack.as('root');
  const group = { type: 'Group', id: 'interns' };
  await root.services.directory.applyEntities({
    entities: [
      { uid: group, parents: [{ type: 'Group', id: 'staff' }] },
      { uid: person('ivy'), parents: [group] },
    ],
  });
  const robot = await stack.as('robot', 'Service');
  const question = { principal: person('ivy'), action: 'ping', resource: database('orders') };
  const { revision: joined } = await root.services.directory.applyEntities({
    entities: [{ uid: person('ivo') }],
  });
  expect((await robot.authorize({ ...question, atLeastRevision: joined })).effect).toBe('allow');
  const { revision } = await root.services.directory.deleteEntities({ uids: [group] });
  expect((await robot.authorize({ ...question, atLeastRevision: revision })).effect).toBe('deny');
});

it('a vote on an item that is not there, or decided, says so', async () => {
  const request = await submitted(stack, 'ada');
  const bob = (await stack.as('bob')).services.grants;
  const on = (item: number) =>
    bob.reviewAccessRequest({ id: request.id, requestHash: request.requestHash, verdict: 1, items: [item] });
  const missing = await errorOf(on(7));
  expect([missing.reason, missing.violations[0]?.field]).toEqual(['FIELD_INVALID', 'items']);
  await on(0);
  expect((await errorOf(on(0))).reason).toBe('REQUEST_NOT_PENDING');
});
