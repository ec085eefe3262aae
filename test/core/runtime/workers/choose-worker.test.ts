import { expect, it } from 'vitest';
import { chooseWorker } from '../../../../core/runtime/workers/choose-worker.ts';

const worker = (name: string, connections: number, isServing = true, isTaking = true) => ({
  name,
  connections,
  isServing,
  isTaking,
});

it.each([
  ['the one with the fewest connections', [worker('a', 3), worker('b', 1), worker('c', 2)], 'b'],
  ['of equals the first', [worker('a', 1), worker('b', 1)], 'a'],
  ['one that serves before one that has fewer', [worker('a', 0, false), worker('b', 9)], 'b'],
  ['one that does not serve when none does', [worker('a', 2, false), worker('b', 1, false)], 'b'],
  ['never one that takes none', [worker('a', 0, false, false), worker('b', 5, false)], 'b'],
  ['nobody when none takes any', [worker('a', 0, false, false)], undefined],
])('the next connection goes to %s', (_title, workers, chosen) => {
  expect(chooseWorker(workers)?.name).toBe(chosen);
});
