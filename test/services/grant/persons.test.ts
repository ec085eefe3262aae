import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { countRows, database, errorOf, grantIdOf, reasonOf, submit, submitted, vote } from './ask.ts';
import { grantOf } from './life.ts';
import { lifted, locked, user } from './lock-calls.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ policies: LIFE });
  await apply('ada-admin', 'ada.l', ['security']);
  await apply('ada', 'ada.l', ['staff']);
  await apply('dee-too', 'dee.k', ['security']);
  await apply('dee', 'dee.k', ['security']);
});
afterAll(() => stack[Symbol.asyncDispose]());

async function apply(id: string, person: string, groups: readonly string[]) {
  const root = await stack.as('root');
  return await root.services.directory.applyEntities({
    entities: [
      {
        uid: { type: 'User', id },
        attributes: { person: { kind: { case: 'stringValue', value: person } } },
        parents: groups.map((group) => ({ type: 'Group', id: group })),
      },
    ],
  });
}

it('W2 a second account of the requester does not review', async () => {
  const request = await submitted(stack, 'ada', { resource: database('two-1') });
  expect(await reasonOf(vote(stack, 'ada-admin', request))).toBe('SELF_REVIEW');
});

it('W2 two accounts of one person fill one seat', async () => {
  const request = await submitted(stack, 'eve', { resource: database('pair-1') });
  await vote(stack, 'dee', request);
  const { request: twice } = await vote(stack, 'dee-too', request);
  expect(twice?.state).toBe(RequestState.PENDING);
  expect(twice?.items[0]?.steps.map(({ filledBy }) => filledBy.length)).toEqual([1]);
  const { request: done } = await vote(stack, 'sam', request);
  expect(done?.state).toBe(RequestState.APPROVED);
});

describe('W2 whoever is stopped is stopped by every account of theirs', () => {
  const locks = async (who: string) => (await stack.as(who)).services.locks;

  it('a lock on one says which others it stops, and they hold nothing while it holds', async () => {
    await apply('pat', 'pat.q', ['staff']);
    await apply('pat-too', 'pat.q', ['staff', 'security']);
    const id = grantIdOf(await submitted(stack, 'pat-too', { resource: database('auto-1') }));
    const { lock, otherAccounts } = await (await locks('dee')).createLock({
      entity: user('pat'),
      reason: 'lost',
    });
    expect(otherAccounts.map((it) => it.id)).toEqual(['pat-too']);
    expect((await grantOf(stack, id, 'pat-too')).locks.map((it) => it.id)).toEqual([lock?.id]);
    expect(await reasonOf(submit(stack, 'pat-too', { resource: database('auto-2') }))).toBe('LOCKED');
    const own = await (await locks('pat-too')).listLocks({ entity: user('pat-too') });
    expect(own.locks).toMatchObject([{ id: lock?.id, mayLift: false }]);
    expect(await reasonOf(lifted(stack, lock?.id ?? '', 'pat-too'))).toBe('SELF_UNLOCK');
    await lifted(stack, lock?.id ?? '', 'dee');
    expect((await grantOf(stack, id, 'pat-too')).locks).toEqual([]);
  });

  it('a lock on a grant is not lifted by another account of its holder', async () => {
    await apply('pia', 'pia.r', ['staff']);
    await apply('pia-too', 'pia.r', ['security']);
    const grantId = grantIdOf(await submitted(stack, 'pia', { resource: database('auto-1') }));
    const { id } = await locked(stack, { grantId });
    expect(await reasonOf(lifted(stack, id, 'pia-too'))).toBe('SELF_UNLOCK');
  });

  it('who is offboarded by one is locked by all, and the answer names what remains', async () => {
    await apply('una', 'una.s', ['staff']);
    await apply('una-too', 'una.s', ['staff', 'security']);
    const id = grantIdOf(await submitted(stack, 'una-too', { resource: database('auto-1') }));
    const asked = { principal: user('una'), reason: 'left the company' };
    const answer = await (await locks('dee')).offboardPrincipal(asked);
    expect(answer.otherAccounts).toMatchObject([user('una-too')]);
    expect(await reasonOf(lifted(stack, answer.lock?.id ?? '', 'una-too'))).toBe('SELF_UNLOCK');
    const other = await (await locks('dee')).offboardPrincipal({ ...asked, principal: user('una-too') });
    expect([other.endedGrantIds, other.otherAccounts.length]).toEqual([[id], 1]);
  });
});

it('W11 a review that one account owes stands in the way of the other', async () => {
  await apply('kai', 'kai.t', ['staff']);
  await apply('kai-too', 'kai.t', ['staff']);
  const glass = { resource: database('glass-1'), breakGlass: true };
  const first = await submitted(stack, 'kai', glass);
  await stack.query('UPDATE owed_reviews SET due_at = clock_timestamp() WHERE request_id = $1', [first.id]);
  expect((await submitted(stack, 'kai-too', glass)).state).toBe(RequestState.PENDING);
  expect((await submitted(stack, 'eve', glass)).state).toBe(RequestState.APPROVED);
});

it('W2 each account of a person fills what it may, and the person one seat of the two', async () => {
  await apply('vic', 'vic.u', []);
  await apply('vic-too', 'vic.u', ['security']);
  const own = await stack.as('root');
  const uid = { type: 'Database', id: 'two-2' };
  const { entity } = await own.services.directory.getEntity({ uid });
  const value = {
    values: ['vic', 'cy'].map((id) => ({ kind: { case: 'entityValue' as const, value: user(id) } })),
  };
  const attributes = { ...entity?.attributes, owners: { kind: { case: 'setValue' as const, value } } };
  await own.services.directory.applyEntities({
    entities: [{ uid, attributes, parents: entity?.parents ?? [] }],
  });
  const request = await submitted(stack, 'eve', { resource: uid });
  await vote(stack, 'vic', request);
  await vote(stack, 'vic-too', request);
  const { request: done } = await vote(stack, 'cy', request);
  expect(done?.state).toBe(RequestState.APPROVED);
  expect(done?.items[0]?.steps.map(({ filledBy }) => filledBy.map(({ id }) => id))).toEqual([
    ['cy'],
    ['vic-too'],
  ]);
});

it.each(['Eve', 'еve', 'EVE'])('W2 a person called %s, who looks like another, is refused', async (id) => {
  const before = await countRows(stack);
  const error = await errorOf(apply(id, 'somebody', []));
  expect(error.violations).toMatchObject([{ field: 'entities[0].uid' }]);
  expect(error.message).toMatch(/looks like User::"eve"/);
  expect(await countRows(stack)).toEqual(before);
});
