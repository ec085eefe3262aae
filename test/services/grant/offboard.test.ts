import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EndReason, RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { database, grantIdOf, reasonOf, submitted, vote } from './ask.ts';
import { group, user } from './lock-calls.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

const services = async (who: string, type = 'User') => (await stack.as(who, type)).services;

async function stateOf(id: string, who = 'ada'): Promise<RequestState | undefined> {
  return (await (await services(who)).grants.getAccessRequest({ id })).request?.state;
}

describe('offboarding', () => {
  it('locks, ends grants, withdraws requests and takes votes back in one transition', async () => {
    const { directory, locks } = await services('root');
    const parents = [group('staff'), group('security')];
    await directory.applyEntities({ entities: [{ uid: user('leaver'), parents }] });
    const grantId = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'leaver'))).request);
    const pending = await submitted(stack, 'leaver');
    const voted = await submitted(stack, 'ada', { actions: ['write'], ticket: 'CHG-1' });
    await vote(stack, 'leaver', voted);
    expect(await reasonOf(locks.offboardPrincipal({ principal: user('leaver'), reason: 'x' }))).toBe(
      'NOT_PERMITTED',
    );
    const answer = await (await services('dee')).locks.offboardPrincipal({
      principal: user('leaver'),
      reason: 'left the company',
    });
    expect(answer).toMatchObject({
      lock: { entity: user('leaver'), reason: 'left the company', holds: true },
      endedGrantIds: [grantId],
      withdrawnRequestIds: [pending.id],
      unvotedRequestIds: [voted.id],
    });
    const { grant } = await (await services('dee')).grants.getGrant({ id: grantId });
    expect(grant?.endReason).toBe(EndReason.REVOKED);
    expect(await stateOf(pending.id, 'dee')).toBe(RequestState.WITHDRAWN);
    const kinds = await stack.query<{ kind: string }>(
      'SELECT kind FROM ledger WHERE revision > $1 ORDER BY revision',
      [answer.revision - 4n],
    );
    expect(kinds.map(({ kind }) => kind)).toEqual([
      'LOCK_CREATED',
      'REQUEST_WITHDRAWN',
      'REVIEW_WITHDRAWN',
      'GRANT_ENDED',
    ]);
    const again = await (await services('dee')).locks.offboardPrincipal({
      principal: user('leaver'),
      reason: 'x',
    });
    expect(again).toMatchObject({ lock: { id: answer.lock?.id }, endedGrantIds: [] });
    expect(again.revision).toBeGreaterThan(0n);
  });

  it('is refused to whoever may not, though rows of whom they name are taken', {
    timeout: 120_000,
  }, async () => {
    const { id } = await submitted(stack, 'ada');
    const holder = new pg.Client({ connectionString: stack.database.ownerUrl });
    await holder.connect();
    try {
      await holder.query('BEGIN');
      await holder.query('SELECT FROM access_requests WHERE id = $1 FOR UPDATE', [id]);
      const { locks } = await services('eve');
      expect(await reasonOf(locks.offboardPrincipal({ principal: user('ada'), reason: 'x' }))).toBe(
        'NOT_PERMITTED',
      );
    } finally {
      await holder.query('ROLLBACK');
      await holder.end();
    }
  });

  it.for([
    [group('staff'), 'FIELD_INVALID'],
    [user('nobody'), 'ENTITY_UNKNOWN'],
    [database('orders'), 'FIELD_INVALID'],
  ] as const)('%j is not somebody to take out', async ([principal, reason]) => {
    const { locks } = await services('dee');
    expect(await reasonOf(locks.offboardPrincipal({ principal, reason: 'x' }))).toBe(reason);
  });
});
