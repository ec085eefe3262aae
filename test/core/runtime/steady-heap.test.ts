import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { steadyHeap } from '../../../core/runtime/steady-heap.ts';

it('asks V8 for what it knows', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  for (const flag of ['--allocation-site-pretenuring', '--heap-growing-percent'])
    expect(known).toContain(`  ${flag} (`);
  expect(() => steadyHeap()).not.toThrow();
});
