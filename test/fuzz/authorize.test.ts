import fc from 'fast-check';
import { test } from 'vitest';
import { authorizeProperty } from './authorize.ts';

/** A few seconds of `npm run fuzz -- authorize`, always the same. */
test('random policies: what is asked of the policies that can matter is answered as by all, and as by Cedar alone', () => {
  fc.assert(authorizeProperty(), { seed: 5, numRuns: 15 });
});
