import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Effect } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { action, database, grantIdOf, reasonOf, submitted } from './ask.ts';
import { decided, granted, grantOf, grantsAs, person } from './life.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
});
afterAll(() => stack[Symbol.asyncDispose]());

const usesLeft = async (id: string) => (await grantOf(stack, id)).usesLeft;

/** Two counted grants of ada's by which she may read the database; the second lasts longer, so it is asked first. */
async function two(resource: string): Promise<readonly [string, string]> {
  const first = await granted(stack, resource, { seconds: 600 });
  const second = await granted(stack, resource, { seconds: 1_200, actions: ['read', 'write'] });
  return [first, second];
}

describe('a call that is sent again after another counted grant has come', () => {
  it('is the use of the grant that counted it, though that lasts less long', async () => {
    const first = await granted(stack, 'counted-1', { seconds: 600 });
    const before = await grantOf(stack, first);
    const use = async (useId: string, revision: bigint) =>
      await decided(stack, { resource: 'counted-1', revision, useId });
    expect(await use('sent', before.revision)).toBe('ALLOW');
    const second = await granted(stack, 'counted-1', { seconds: 1_200, actions: ['read', 'write'] });
    const { revision } = await grantOf(stack, second);
    expect(await use('sent', revision)).toBe('ALLOW');
    expect([await usesLeft(first), await usesLeft(second)]).toEqual([4, 5]);
    expect(await use('another', revision)).toBe('ALLOW');
    expect([await usesLeft(first), await usesLeft(second)]).toEqual([4, 4]);
  });

  it('is that also when it was the last one, and in a batch', async () => {
    const first = await granted(stack, 'counted-2', { seconds: 600 });
    for (const useId of ['1', '2', '3', '4', '5'])
      expect(
        await decided(stack, {
          resource: 'counted-2',
          revision: (await grantOf(stack, first)).revision,
          useId,
        }),
      ).toBe('ALLOW');
    const second = await granted(stack, 'counted-2', { seconds: 1_200 });
    const { revision } = await grantOf(stack, second);
    expect(await decided(stack, { resource: 'counted-2', revision, useId: '5' })).toBe('ALLOW');
    const robot = await stack.as('robot', 'Service');
    const question = { principal: person('ada'), action: action('read'), resource: database('counted-2') };
    const { results } = await robot.services.decision.batchAuthorize({
      requests: [
        { ...question, useId: '4' },
        { ...question, useId: 'new' },
      ],
    });
    const answers = results.map(({ result }) => (result.case === 'response' ? result.value : undefined));
    expect(answers.map((answer) => [answer?.effect, answer?.grantId])).toEqual([
      [Effect.ALLOW, first],
      [Effect.ALLOW, second],
    ]);
    expect(await usesLeft(second)).toBe(4);
  });

  it('is a use of the other once the one that counted it permits no more', async () => {
    const [first, second] = await two('counted-3');
    const grants = await grantsAs(stack, 'ada');
    await grants.useGrant({ id: first, useId: 'sent' });
    const released = await grants.releaseGrant({ id: first });
    const asked = { resource: 'counted-3', revision: released.revision, useId: 'sent' };
    expect(await decided(stack, asked)).toBe('ALLOW');
    expect(await usesLeft(second)).toBe(4);
    await grants.releaseGrant({ id: second });
  });
});

describe('UseGrant', () => {
  it('counts a use once that is said of two grants at the same moment', async () => {
    const [first, second] = await two('counted-3');
    const grants = await grantsAs(stack, 'ada');
    for (let use = 0; use < 4; use += 1) {
      const useId = `at once ${use}`;
      const answers = await Promise.all([
        grants.useGrant({ id: first, useId, otherIds: [second] }),
        grants.useGrant({ id: second, useId, otherIds: [first] }),
      ]);
      const countedBy = answers.map((answer) => answer.countedBy).filter((id) => id !== '');
      expect(countedBy).toHaveLength(1);
      expect([first, second]).toContain(countedBy[0]);
    }
    const left = [await usesLeft(first), await usesLeft(second)];
    expect(left.reduce((sum: number, uses) => sum + (uses ?? 0), 0)).toBe(6);
  });

  it('says nothing of what the grants of other subjects counted, and refuses what is no grant', async () => {
    const request = await submitted(stack, 'lea', { resource: database('counted-1') });
    const theirs = grantIdOf(request);
    await (await grantsAs(stack, 'lea')).useGrant({ id: theirs, useId: 'theirs' });
    const id = await granted(stack, 'counted-1', { seconds: 700, actions: ['write'] });
    const grants = await grantsAs(stack, 'ada');
    const { countedBy, usesLeft: left } = await grants.useGrant({ id, useId: 'theirs', otherIds: [theirs] });
    expect([countedBy, left]).toEqual(['', 4]);
    expect(await reasonOf(grants.useGrant({ id, useId: 'x', otherIds: ['no uuid'] }))).toBe('FIELD_INVALID');
  });
});
