import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { TurnBudget } from '../../../core/rpc/turn-budget.ts';

const limits = { turnMs: 20, standingMs: 100, goneMs: 50, fewestPerTurn: 2 };

/** A budget on an event loop whose turns last as long as the test says. */
function budgetOnLoop() {
  const loop = { turns: 0, activeMs: 0, atMs: 0 };
  const budget = new TurnBudget(limits, () => ({ ...loop }));
  return {
    budget,
    /** One turn in which so many calls come and are let in where there is room. @returns how many were */
    turnOf: async (calls: number, tookMs: number): Promise<number> => {
      let taken = 0;
      for (let call = 0; call < calls; call += 1) {
        if (budget.isSpent()) continue;
        budget.take();
        taken += 1;
      }
      loop.turns += 1;
      loop.activeMs += tookMs;
      loop.atMs += tookMs;
      await turn();
      return taken;
    },
    idle: (ms: number) => (loop.atMs += ms),
    /** So many turns that bring no calls. */
    pass: (turns: number) => (loop.turns += turns),
  };
}

test('D15 a burst is worked off, and a queue that stands is cut to what fits into a turn', async () => {
  const { turnOf } = budgetOnLoop();
  expect(await turnOf(100, 50)).toBe(100);
  expect(await turnOf(100, 50)).toBe(100);
  expect(await turnOf(100, 50)).toBe(100);
  // A call takes half a millisecond, and a turn should take twenty.
  expect(await turnOf(100, 20)).toBe(40);
  expect(await turnOf(100, 20)).toBe(40);
});

test('D15 what has come while the process stood still is worked off', async () => {
  const { turnOf } = budgetOnLoop();
  expect(await turnOf(10, 60_000)).toBe(10);
  expect(await turnOf(1_000, 90)).toBe(1_000);
  expect(await turnOf(300, 15)).toBe(300);
});

test('D15 a queue that has gone is forgotten', async () => {
  const { turnOf, idle } = budgetOnLoop();
  for (let time = 0; time < 3; time += 1) await turnOf(100, 60);
  expect(await turnOf(100, 20)).toBe(34);
  idle(limits.goneMs);
  expect(await turnOf(100, 20)).toBe(100);
});

test('D15 a queue does not go because the process stood still for a turn', async () => {
  const { turnOf } = budgetOnLoop();
  for (let time = 0; time < 3; time += 1) await turnOf(100, 60);
  await turnOf(100, 300);
  expect(await turnOf(100, 20)).toBeLessThan(100);
});

test('D15 a turn takes on a few calls however long they last', async () => {
  const { turnOf } = budgetOnLoop();
  for (let time = 0; time < 2; time += 1) await turnOf(3, 150);
  expect(await turnOf(10, 300)).toBe(limits.fewestPerTurn);
});

test('turns that are long now and then are no queue', async () => {
  const { turnOf } = budgetOnLoop();
  for (let time = 0; time < 10; time += 1) {
    expect(await turnOf(50, 90)).toBe(50);
    expect(await turnOf(50, 10)).toBe(50);
  }
});

test('turns that are long with few calls are no queue', async () => {
  const { turnOf } = budgetOnLoop();
  for (let time = 0; time < 10; time += 1) expect(await turnOf(1, 90)).toBe(1);
  expect(await turnOf(50, 90)).toBe(50);
});

describe('how long a call will have waited', () => {
  async function waitAfter(turns: readonly (readonly [calls: number, ms: number])[]): Promise<number> {
    const { budget, turnOf } = budgetOnLoop();
    for (const [calls, ms] of turns) await turnOf(calls, ms);
    for (let call = 0; call < 3; call += 1) budget.take();
    return budget.waitMs;
  }

  test.each([
    ['is unknown at first', [], 0],
    ['is the turn before, and what four take with three before it', [[10, 5]], 5 + 2],
    [
      'is long after a turn that was held up, which says nothing of calls',
      [
        [10, 5],
        [10, 5],
        [10, 90],
      ],
      90 + 2,
    ],
    [
      'is not learnt from turns with a single call',
      [
        [10, 5],
        [1, 9],
        [1, 9],
        [1, 9],
      ],
      9 + 2,
    ],
  ] as const)('%s', async (_what, turns, waitMs) => {
    expect(await waitAfter(turns)).toBe(waitMs);
  });

  test('is nothing of the turn before last', async () => {
    const { budget, turnOf, pass } = budgetOnLoop();
    await turnOf(10, 5);
    pass(2);
    for (let call = 0; call < 3; call += 1) budget.take();
    expect(budget.waitMs).toBe(2);
  });

  test('is nothing while there are few', async () => {
    const { budget, turnOf } = budgetOnLoop();
    await turnOf(10, 60_000);
    expect(budget.waitMs).toBe(0);
  });
});
