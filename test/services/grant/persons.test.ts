import { afterAll, beforeAll, expect, it } from 'vitest';
import { RequestState } from '../../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { countRows, database, errorOf, reasonOf, submitted, vote } from './ask.ts';

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

it.each(['Eve', 'еve', 'EVE'])('W2 a person called %s, who looks like another, is refused', async (id) => {
  const before = await countRows(stack);
  const error = await errorOf(apply(id, 'somebody', []));
  expect(error.violations).toMatchObject([{ field: 'entities[0].uid' }]);
  expect(error.message).toMatch(/looks like User::"eve"/);
  expect(await countRows(stack)).toEqual(before);
});
