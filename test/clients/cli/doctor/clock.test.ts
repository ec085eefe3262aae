import { expect, test } from 'vitest';
import { checkClock } from '../../../../clients/cli/doctor/clock.ts';

/** Another clock, that many milliseconds ahead half way through a reading that took `tookMs`. */
function reading(aheadMs: number, tookMs: number, coarseMs = 0) {
  const middle = 1_800_000_000_000;
  return {
    before: new Date(middle - tookMs / 2),
    at: new Date(middle + aheadMs),
    after: new Date(middle + tookMs / 2),
    coarseMs,
  };
}

test.each([
  [0, 10, 'ok'],
  [990, 10, 'ok'],
  [1_100, 10, 'warning'],
  [-1_100, 10, 'warning'],
  [4_900, 10, 'warning'],
  [5_100, 10, 'failure'],
  [-5_100, 10, 'failure'],
  [3_600_000, 10, 'failure'],
] as const)('%i ms apart, read in %i ms: %s', (aheadMs, tookMs, state) => {
  expect(checkClock('clock', 'the other', reading(aheadMs, tookMs))).toMatchObject({ name: 'clock', state });
});

test('what a slow reading can explain is no difference', () => {
  expect(checkClock('clock', 'the other', reading(3_000, 4_100)).state).toBe('ok');
  expect(checkClock('clock', 'the other', reading(5_500, 2_000)).state).toBe('warning');
});

test('a clock read to the second may be a second later than it says', () => {
  expect(checkClock('clock', 'the other', reading(-1_900, 10, 1_000)).state).toBe('ok');
  expect(checkClock('clock', 'the other', reading(-2_100, 10, 1_000)).state).toBe('warning');
});

test('the difference is said with its direction', () => {
  expect(checkClock('clock', 'the other', reading(7_000, 10)).seen).toContain(
    "7.0 s ahead of this machine's",
  );
  expect(checkClock('clock', 'the other', reading(-7_000, 10)).seen).toContain("7.0 s behind this machine's");
});
