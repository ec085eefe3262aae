import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIFE, type Stack, startStack } from '../../support/stack.ts';
import { action, database, reasonOf, submitted, vote } from './ask.ts';

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

it('W8 the pages of a report are of the same approvals, whatever comes in between', async () => {
  const ledger = await auditor();
  const first = await ledger.reportApprovalPairs({ pageSize: 1 });
  for (let times = 0; times < 5; times += 1) await vote(stack, 'cy', await submitted(stack, 'ada'));
  const { until } = first;
  const second = await ledger.reportApprovalPairs({
    pageSize: 2,
    offset: first.nextOffset,
    ...(until && { until }),
  });
  expect(second.pairs.map(({ approver, approved }) => [approver?.id, approved?.id])).toEqual([
    ['bob', 'ada'],
    ['cy', 'eve'],
  ]);
});

describe('W8 the report counts by person', () => {
  let own: Stack;
  beforeAll(async () => {
    own = await startStack({ policies: LIFE });
    const { directory } = (await own.as('root')).services;
    const person = { kind: { case: 'stringValue' as const, value: 'Cyril' } };
    const parents = [{ type: 'Group', id: 'staff' }];
    const account = (id: string) => ({ uid: { type: 'User', id }, attributes: { person }, parents });
    await directory.applyEntities({ entities: [account('cy'), account('cy-too')] });
  });
  afterAll(() => own[Symbol.asyncDispose]());

  const report = async () => {
    const { pairs } = await (await own.as('root')).services.ledger.reportApprovalPairs({});
    return pairs.map((it) => [it.approver?.id, it.approved?.id, it.approvals, it.approvalsInReturn]);
  };
  const asked = (who: string) => submitted(own, who, { resource: database('plain-1') });

  it('whichever accounts they do it by', async () => {
    await vote(own, 'bob', await asked('cy-too'));
    await vote(own, 'bob', await asked('cy'));
    expect(await report()).toEqual([['bob', 'cy', 2, 0]]);
  });

  it('and for whoever answers for a service, where they approve in return', async () => {
    const robot = (await own.as('robot', 'Service')).services.grants;
    const items = [{ resource: database('plain-1'), actions: [action('read')] }];
    const { request = expect.unreachable() } = await robot.requestAccess({ items, reason: 'nightly' });
    await vote(own, 'cy', request);
    // The robot is bob's.
    expect(await report()).toEqual([
      ['bob', 'cy', 2, 1],
      ['cy', 'robot', 1, 0],
    ]);
  });
});

it('W8 approvals before the window do not count', async () => {
  const within = { nanos: 1_000_000 };
  expect((await (await auditor()).reportApprovalPairs({ within })).pairs).toEqual([]);
});

it('W8 only auditors see the report', async () => {
  const { ledger } = (await stack.as('bob')).services;
  expect(await reasonOf(ledger.reportApprovalPairs({}))).toBe('NOT_PERMITTED');
});
