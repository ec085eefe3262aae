import fc from 'fast-check';
import { test } from 'vitest';
import { policyProperty } from './policy.ts';

/** A few seconds of `npm run fuzz -- policy`, always the same. */
test('D3 hostile policy files are loaded or refused by line, and good ones are answered right afterwards', async () => {
  await fc.assert(policyProperty(), { seed: 5, numRuns: 12 });
}, 120_000);
