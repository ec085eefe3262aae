import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestState, Verdict } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { action, database, errorOf, grantIdOf, reasonOf, submit, submitted, vote } from './ask.ts';
import { environment, group, lifted, locked, type Target, user, whileLocked } from './lock-calls.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const services = async (who: string, type = 'User') => (await stack.as(who, type)).services;

async function granted(who = 'ada'): Promise<string> {
  const request = await submitted(stack, who);
  return grantIdOf((await vote(stack, 'bob', request)).request);
}

async function stateOf(id: string, who = 'ada'): Promise<RequestState | undefined> {
  return (await (await services(who)).grants.getAccessRequest({ id })).request?.state;
}

describe('what a lock stops in this service', () => {
  it.for<[string, Target]>([
    ['the subject', { entity: user('ada') }],
    ['a group of the subject', { entity: group('staff') }],
    ['the resource', { entity: database('orders') }],
    ['what the resource is inside of', { entity: environment('prod') }],
    ['everything', { everything: true }],
  ])('while %s is locked nobody is let in, and pending requests stay pending', async ([, target]) => {
    const pending = await submitted(stack, 'ada');
    // Of the group of all staff the reviewer is one, and whoever is locked may not even deny.
    const isReviewerFree = target.entity?.id !== 'staff';
    await whileLocked(stack, target, async () => {
      expect(await reasonOf(submit(stack, 'ada'))).toBe('LOCKED');
      expect(await reasonOf(vote(stack, 'bob', pending))).toBe('LOCKED');
      expect(await stateOf(pending.id)).toBe(RequestState.PENDING);
      if (isReviewerFree) await vote(stack, 'bob', pending, 'deny');
    });
    if (isReviewerFree) expect(await stateOf(pending.id)).toBe(RequestState.DENIED);
    else grantIdOf((await vote(stack, 'bob', pending)).request);
  });

  it('while the resource is locked, withdrawing, releasing and revoking go on', async () => {
    const [first, second, request] = [await granted(), await granted(), await submitted(stack, 'ada')];
    await whileLocked(stack, { entity: database('orders') }, async () => {
      await (await services('ada')).grants.withdrawAccessRequest({ id: request.id });
      await (await services('ada')).grants.releaseGrant({ id: first });
      const { ended } = await (await services('dee')).grants.revokeGrants({ ids: [second], reason: 'x' });
      expect(ended).toHaveLength(1);
    });
  });

  it('a preview says that it is locked, too', async () => {
    await whileLocked(stack, { everything: true }, async () => {
      const { grants } = await services('ada');
      const items = [{ resource: database('orders'), actions: [action('read')] }];
      expect(await reasonOf(grants.requestAccess({ items, reason: 'x', validateOnly: true }))).toBe('LOCKED');
    });
  });

  it('who is locked may do nothing and read only what is theirs', async () => {
    const own = await submitted(stack, 'cy');
    const foreign = await submitted(stack, 'ada');
    const grantId = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'cy'))).request);
    const other = await granted();
    await whileLocked(stack, { entity: user('cy') }, async () => {
      const { grants, locks, directory, ledger } = await services('cy');
      const refused = {
        request: () => submit(stack, 'cy'),
        approve: () => vote(stack, 'cy', foreign),
        withdraw: () => grants.withdrawAccessRequest({ id: own.id }),
        release: () => grants.releaseGrant({ id: grantId }),
        revoke: () => grants.revokeGrants({ ids: [other], reason: 'x' }),
        remind: () => grants.remindReviewers({ id: own.id }),
        lock: () => locks.createLock({ entity: database('ledger'), reason: 'x' }),
        offboard: () => locks.offboardPrincipal({ principal: user('ada'), reason: 'x' }),
        directory: () => directory.listEntities({}),
        ledger: () => ledger.listEvents({}),
      };
      for (const [what, call] of Object.entries(refused))
        expect([what, await reasonOf(call())]).toEqual([what, 'LOCKED']);
      expect((await grants.getAccessRequest({ id: own.id })).request?.id).toBe(own.id);
      expect((await grants.getGrant({ id: grantId })).grant?.id).toBe(grantId);
      expect(await reasonOf(grants.getAccessRequest({ id: foreign.id }))).toBe('REQUEST_NOT_FOUND');
      expect((await directory.getEntity({})).entity?.uid?.id).toBe('cy');
      expect((await grants.listAccessRequests({ toReview: true })).requests).toEqual([]);
      expect((await locks.listLocks({})).locks.map(({ entity, mayLift }) => [entity?.id, mayLift])).toEqual([
        ['cy', false],
      ]);
    });
    await (await services('cy')).grants.withdrawAccessRequest({ id: own.id });
  });

  it('an administrator who is locked does not administer', async () => {
    const work = async (): Promise<void> => {
      const { directory } = await services('root');
      const entities = [{ uid: user('newcomer') }];
      expect(await reasonOf(directory.applyEntities({ entities }))).toBe('LOCKED');
      expect(await reasonOf(directory.deleteEntities({ uids: [user('eve')] }))).toBe('LOCKED');
    };
    await whileLocked(stack, { entity: user('root') }, work, { lifter: 'dee' });
  });

  it('a vote of who is locked stops counting', async () => {
    const request = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-1' });
    await vote(stack, 'dee', request);
    const work = async (): Promise<void> => {
      const after = await vote(stack, 'bob', request);
      expect(after.request?.state).toBe(RequestState.PENDING);
      expect(after.request?.items[0]?.steps.map(({ filledBy }) => filledBy.map(({ id }) => id))).toEqual([
        ['bob'],
        [],
      ]);
    };
    await whileLocked(stack, { entity: user('dee') }, work, { locker: 'cy' });
  });

  it('of several items the locked ones wait, and a named one is refused', async () => {
    const client = await stack.as('ada');
    const items = ['orders', 'ledger'].map((id) => ({ resource: database(id), actions: [action('read')] }));
    const { request } = await client.services.grants.requestAccess({ items, reason: 'both, please' });
    if (request === undefined) throw new Error('no request');
    await whileLocked(stack, { entity: database('ledger') }, async () => {
      const { grants } = await services('bob');
      const named = {
        id: request.id,
        requestHash: request.requestHash,
        verdict: Verdict.APPROVE,
        items: [1],
      };
      expect(await reasonOf(grants.reviewAccessRequest(named))).toBe('LOCKED');
      const after = await vote(stack, 'bob', request);
      expect(after.request?.items.map(({ state }) => state)).toEqual([
        RequestState.APPROVED,
        RequestState.PENDING,
      ]);
    });
  });

  it('the error names the lock and what to wait for, and not why it is there', async () => {
    const lock = await locked(stack, { entity: database('orders') }, { seconds: 3_600 });
    const error = await errorOf(submit(stack, 'ada'));
    expect(error.metadata).toEqual({ lock_id: lock.id });
    expect(error.message).toMatch(
      new RegExp(`^Database::"orders" is locked: nobody is let in there until lock ${lock.id} ends at 20`),
    );
    expect(error.message).not.toContain('incident');
    await lifted(stack, lock.id);
  });
});
