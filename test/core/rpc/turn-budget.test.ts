import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { TurnBudget } from '../../../core/rpc/turn-budget.ts';

const limits = { turnMs: 20, standingMs: 100, fewestPerTurn: 2 };

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
  };
}

test('D15 a burst is worked off, and a queue that stands is cut to what fits into a turn', async () => {
  const { turnOf } = budgetOnLoop();
  expect(await turnOf(100, 50)).toBe(100);
  expect(await turnOf(100, 50)).toBe(100);
  // A call takes half a millisecond, and a turn should take twenty.
  expect(await turnOf(100, 20)).toBe(40);
  expect(await turnOf(100, 20)).toBe(40);
});

test('D15 a queue that has gone is forgotten', async () => {
  const { turnOf, idle } = budgetOnLoop();
  await turnOf(100, 60);
  await turnOf(100, 60);
  expect(await turnOf(100, 20)).toBe(34);
  idle(limits.standingMs);
  expect(await turnOf(100, 20)).toBe(100);
});

test('D15 a turn takes on a few calls however long they last', async () => {
  const { turnOf } = budgetOnLoop();
  await turnOf(1, 150);
  expect(await turnOf(10, 300)).toBe(limits.fewestPerTurn);
});

test('turns that are long now and then are no queue', async () => {
  const { turnOf } = budgetOnLoop();
  for (let time = 0; time < 10; time += 1) {
    expect(await turnOf(50, 90)).toBe(50);
    expect(await turnOf(50, 10)).toBe(50);
  }
});

test('what a call takes is learnt from the turns with calls', async () => {
  const { budget, turnOf } = budgetOnLoop();
  expect(budget.callMs).toBe(0);
  await turnOf(10, 5);
  expect(budget.callMs).toBe(0.5);
});
