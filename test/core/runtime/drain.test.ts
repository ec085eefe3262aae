import { expect, test } from 'vitest';
import { drainMsOf, parseDrainMs } from '../../../core/runtime/drain.ts';

test.each([
  ['0', 0],
  ['2', 2_000],
  ['2s', 2_000],
  ['500ms', 500],
  ['20s', 20_000],
  ['20000ms', 20_000],
  ['21s', undefined],
  ['-1s', undefined],
  ['2m', undefined],
  ['', undefined],
])('the wait %j is %s ms', (text, ms) => {
  expect(parseDrainMs(text)).toBe(ms);
});

test('a process waits two seconds unless it is told otherwise', () => {
  expect(drainMsOf({})).toBe(2_000);
  expect(drainMsOf({ CURFEW_DRAIN: '0' })).toBe(0);
});
