import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { Replica } from '../../../core/replica/replica.ts';
import { lookAfterChanges } from '../../../services/grant/look-after-changes.ts';
import { type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack[Symbol.asyncDispose]());

it('what is to be looked at when policies cannot be loaded is looked at when they can, though nothing else changes', {
  timeout: 120_000,
}, async () => {
  const { context } = stack.grant;
  let asked = 0;
  // The first times that it is asked, the set in force is one that could not be loaded yet.
  const replica = new Proxy(context.followed.replica, {
    get: (target: Replica, name) => {
      if (name !== 'policies') return Reflect.get(target, name, target);
      asked += 1;
      return asked <= 2 ? { kind: 'failed', digest: '' } : target.policies;
    },
  });
  let looks = 0;
  const followed = { ...context.followed, replica };
  const close = lookAfterChanges({ ...context, followed }, stack.logger, {
    stampOf: () => 0,
    look: () => {
      looks += 1;
      return Promise.resolve();
    },
    trouble: 'it cannot be looked at',
  });
  onTestFinished(close);
  await expect.poll(() => looks, { timeout: 60_000 }).toBe(1);
  expect(asked).toBe(3);
});
