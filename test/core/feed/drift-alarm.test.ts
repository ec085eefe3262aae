import { expect, test } from 'vitest';
import { DriftAlarm, isFarOff } from '../../../core/feed/drift-alarm.ts';

function told(...drifts: readonly number[]): readonly string[] {
  const heard: string[] = [];
  const alarm = new DriftAlarm({
    info: (facts) => heard.push(`info ${JSON.stringify(facts)}`),
    error: (facts) => heard.push(`error ${JSON.stringify(facts)}`),
  });
  for (const drift of drifts) alarm.see(drift);
  return heard;
}

test('D11 a drift of up to a second is no alarm', () => {
  expect(told(0, 1_000, -1_000)).toEqual([]);
});

test('D11 each level is told once, however long it lasts', () => {
  expect(told(1_001, 1_500, 5_000, 5_001, 9_000, -9_000)).toEqual([
    'error {"driftMs":1001}',
    'error {"driftMs":5001}',
  ]);
});

test('D11 a clock at the very limit does not fill the log', () => {
  expect(told(1_001, 999, 1_001, 999, 500, 1_001)).toEqual([
    'error {"driftMs":1001}',
    'info {"driftMs":500}',
    'error {"driftMs":1001}',
  ]);
});

test('D11 more than five seconds, ahead or behind, are far off', () => {
  expect([5_000, -5_000, 5_001, -5_001].map(isFarOff)).toEqual([false, false, true, true]);
});
