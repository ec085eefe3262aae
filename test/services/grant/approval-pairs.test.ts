import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../../support/stack.ts';
import { reasonOf, submitted, vote } from './ask.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
  for (const [asks, approves] of [
    ['ada', 'bob'],
    ['ada', 'bob'],
    ['ada', 'bob'],
    ['bob', 'cy'],
    ['cy', 'bob'],
    ['cy', 'bob'],
    ['eve', 'cy'],
  ] as const)
    await vote(stack, approves, await submitted(stack, asks));
  await vote(stack, 'cy', await submitted(stack, 'ada'), 'deny');
});
afterAll(() => stack[Symbol.asyncDispose]());

const auditor = async () => (await stack.as('root')).services.ledger;

it('W8 the report shows those who approve each other first, and then who approves most', async () => {
  const { pairs, nextOffset } = await (await auditor()).reportApprovalPairs({});
  const seen = pairs.map((it) => [it.approver?.id, it.approved?.id, it.approvals, it.approvalsInReturn]);
  expect(seen).toEqual([
    ['bob', 'cy', 2, 1],
    ['bob', 'ada', 3, 0],
    ['cy', 'eve', 1, 0],
  ]);
  expect(nextOffset).toBe(0);
});

it('W8 the report comes in pages, and each pair on one of them', async () => {
  const ledger = await auditor();
  const first = await ledger.reportApprovalPairs({ pageSize: 2 });
  expect([first.pairs.length, first.nextOffset]).toEqual([2, 2]);
  const second = await ledger.reportApprovalPairs({ pageSize: 2, offset: first.nextOffset });
  expect([second.pairs.map(({ approved }) => approved?.id), second.nextOffset]).toEqual([['eve'], 0]);
});

it('W8 approvals before the window do not count', async () => {
  const within = { nanos: 1_000_000 };
  expect((await (await auditor()).reportApprovalPairs({ within })).pairs).toEqual([]);
});

it('W8 only auditors see the report', async () => {
  const { ledger } = (await stack.as('bob')).services;
  expect(await reasonOf(ledger.reportApprovalPairs({}))).toBe('NOT_PERMITTED');
});
