import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AccessRequest, RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { settleAgreed } from '../../../services/grant/settle-agreed.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { database, submitted, vote } from './ask.ts';
import { kindsOf, until } from './life.ts';
import { lifted, locked, user } from './lock-calls.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

const settled = () => settleAgreed(stack.grant.context, AbortSignal.timeout(10_000));

async function shown(id: string): Promise<AccessRequest> {
  const { request } = await (await stack.as('ada')).services.grants.getAccessRequest({ id });
  if (request === undefined) throw new Error('no request in the answer');
  return request;
}

/** What comes to be of it; the test's own timeout bounds it. */
async function decided(id: string): Promise<AccessRequest> {
  return await until(
    () => shown(id),
    ({ state }) => state !== RequestState.PENDING,
  );
}

/** ada's request that two security people have agreed to, one of whom, dee, could not count when the second did. */
async function agreedWhileLocked(seconds?: number) {
  const request = await submitted(stack, 'ada', { resource: database('pair-1'), seconds: 90 });
  await vote(stack, 'dee', request);
  const lock = await locked(
    stack,
    { entity: user('dee') },
    { who: 'sam', ...(seconds === undefined ? {} : { seconds }) },
  );
  const { request: voted } = await vote(stack, 'sam', request);
  // On a slow machine a lock of a few seconds may be over by now.
  if (seconds === undefined) expect(voted?.state).toBe(RequestState.PENDING);
  return { id: request.id, lockId: lock.id };
}

const inPair = (id: string, ...groups: readonly string[]) => ({
  uid: { type: 'User', id },
  parents: groups.map((group) => ({ type: 'Group', id: group })),
});
const apply = async (...entities: readonly ReturnType<typeof inPair>[]) =>
  await (await stack.as('root')).services.directory.applyEntities({ entities: [...entities] });

describe('a request that everybody has agreed to', { timeout: 120_000 }, () => {
  it('is granted when the lock on a reviewer is lifted, for the time from then on', async () => {
    const { id, lockId } = await agreedWhileLocked();
    await settled();
    expect((await shown(id)).state).toBe(RequestState.PENDING);
    await lifted(stack, lockId, 'sam');
    const { state, items, resolvedAt } = await decided(id);
    expect(state).toBe(RequestState.APPROVED);
    const grantId = items[0]?.grantId ?? '';
    const { grant } = await (await stack.as('ada')).services.grants.getGrant({ id: grantId });
    expect(grant?.approvers.map((approver) => approver.id).toSorted()).toEqual(['dee', 'sam']);
    expect(grant?.startsAt).toEqual(resolvedAt);
    expect(await kindsOf(stack, grantId)).toEqual(['GRANT_STARTED']);
  });

  it('is granted by the job when the time of the lock is up', async () => {
    const { id } = await agreedWhileLocked(3);
    const request = await until(
      async () => {
        await settled();
        return await shown(id);
      },
      ({ state }) => state !== RequestState.PENDING,
    );
    expect(request.state).toBe(RequestState.APPROVED);
  });

  it('waits while it is locked itself, and is granted once', async () => {
    const { id, lockId } = await agreedWhileLocked();
    const there = await locked(stack, { entity: database('pair-1') }, { who: 'sam' });
    await lifted(stack, lockId, 'sam');
    await Promise.all([settled(), settled()]);
    expect((await shown(id)).state).toBe(RequestState.PENDING);
    await lifted(stack, there.id, 'sam');
    await Promise.all([settled(), settled()]);
    const { items } = await decided(id);
    expect(await kindsOf(stack, items[0]?.grantId ?? '')).toEqual(['GRANT_STARTED']);
  });

  it('is granted when a reviewer is back in the group', async () => {
    const request = await submitted(stack, 'ada', { resource: database('pair-1') });
    await vote(stack, 'dee', request);
    await apply(inPair('dee'));
    expect((await vote(stack, 'sam', request)).request?.state).toBe(RequestState.PENDING);
    await apply(inPair('dee', 'security'));
    expect((await decided(request.id)).state).toBe(RequestState.APPROVED);
  });

  it('waits when its subject would no longer be let in', async () => {
    const { id, lockId } = await agreedWhileLocked();
    await apply(inPair('ada'));
    await lifted(stack, lockId, 'sam');
    await settled();
    expect((await shown(id)).state).toBe(RequestState.PENDING);
    await apply(inPair('ada', 'staff'));
    expect((await decided(id)).state).toBe(RequestState.APPROVED);
  });
});
