import { expect, test } from 'vitest';
import { QueueAlarm } from '../../../core/feed/queue-alarm.ts';

test('P5 a queue that fills up is told once each time', () => {
  const told: object[] = [];
  const alarm = new QueueAlarm({ info: () => undefined, error: (facts) => told.push(facts) });
  for (const usage of [0, 0.01, 0.011, 0.5, 0.02, 0.009, 0.02]) alarm.see(usage);
  expect(told).toEqual([{ usage: 0.011 }, { usage: 0.02 }]);
});
