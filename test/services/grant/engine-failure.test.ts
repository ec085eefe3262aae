import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, Evaluation } from '../../../core/policy/engine.ts';
import { GrantState, RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { settleAgreed } from '../../../services/grant/settle-agreed.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { database, reasonOf, submitted, vote } from './ask.ts';
import { granted, grantOf, grantsAs, kindsOf } from './life.ts';
import { lifted, locked, user } from './lock-calls.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

const FAILED: Evaluation = { decision: 'deny', policyIds: [], errors: [], failure: 'unreachable' };

/** Does it while the real engine, of the grant service alone, gives no answer about an action, and nothing that it said before is kept. */
async function without<T>(action: 'request' | 'approve', doing: () => Promise<T>): Promise<T> {
  const { replica } = stack.grant.context.followed;
  const engine: { evaluate: Engine['evaluate'] } = replica.engine;
  const { evaluate } = engine;
  const forgotten = { uid: { type: 'User', id: `nobody-${Math.random()}` }, parents: [] };
  await (await stack.as('root')).services.directory.applyEntities({ entities: [forgotten] });
  engine.evaluate = (phase, question) => (question.action.id === action ? FAILED : evaluate(phase, question));
  try {
    return await doing();
  } finally {
    engine.evaluate = evaluate;
  }
}

describe('I19 while the policy engine gives no answer', { timeout: 120_000 }, () => {
  it.each(['request', 'approve'] as const)(
    'to %s, a grant that waits neither begins nor ends',
    async (action) => {
      const id = await granted(stack, 'claim-1', { seconds: 600 });
      const activate = async () => await (await grantsAs(stack, 'ada')).activateGrant({ id });
      expect(await without(action, () => reasonOf(activate()))).toBe('EVALUATION_FAILED');
      expect((await grantOf(stack, id)).state).toBe(GrantState.CLAIMABLE);
      expect(await kindsOf(stack, id)).toEqual(['GRANT_STARTED']);
      expect((await activate()).grant?.state).toBe(GrantState.ACTIVE);
      await (await grantsAs(stack, 'ada')).releaseGrant({ id });
    },
  );

  it.each(['request', 'approve'] as const)(
    'to %s, the last vote is not counted, and denies nothing',
    async (action) => {
      const request = await submitted(stack, 'ada', { resource: database('plain-1') });
      expect(await without(action, () => reasonOf(vote(stack, 'bob', request)))).toBe('EVALUATION_FAILED');
      expect(await stack.query('SELECT FROM reviews WHERE request_id = $1', [request.id])).toEqual([]);
      const { request: done } = await vote(stack, 'bob', request);
      expect(done?.state).toBe(RequestState.APPROVED);
    },
  );

  it('what is agreed to waits', async () => {
    const request = await submitted(stack, 'ada', { resource: database('pair-1'), seconds: 90 });
    await vote(stack, 'dee', request);
    const lock = await locked(stack, { entity: user('dee') }, { who: 'sam' });
    await vote(stack, 'sam', request);
    await without('request', async () => {
      await lifted(stack, lock.id, 'sam');
      await expect(settleAgreed(stack.grant.context, AbortSignal.timeout(10_000))).rejects.toThrow(
        '1 agreed requests could not be granted',
      );
    });
    await settleAgreed(stack.grant.context, AbortSignal.timeout(10_000));
    const { request: done } = await (await grantsAs(stack, 'ada')).getAccessRequest({ id: request.id });
    expect(done?.state).toBe(RequestState.APPROVED);
  });
});
