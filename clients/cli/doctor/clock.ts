import { about, type Check } from './check.ts';

/** Another clock, read between two looks at our own. */
export interface ClockReading {
  readonly before: Date;
  readonly at: Date;
  readonly after: Date;
  /** How much later than `at` the other clock may have been, where it is only read to the second. */
  readonly coarseMs?: number;
}

const warnMs = 1_000;
const failMs = 5_000;

/** Whether another clock goes as this machine's does. Only what cannot be explained by the time that the reading took counts. */
export function checkClock(name: string, whose: string, reading: ClockReading): Check {
  const say = about(name);
  const [least, most] = differences(reading);
  const provenMs = Math.max(0, least, -most);
  const seen = `${whose} is ${showDifference(least, most)}`;
  const next =
    'set both clocks by NTP: grants end by the clock of the database, tokens by that of the services';
  if (provenMs > failMs) return say('failure', `${seen}, at most ${failMs / 1_000} s is wanted`, next);
  if (provenMs > warnMs) return say('warning', `${seen}, at most ${warnMs / 1_000} s is wanted`, next);
  return say('ok', seen);
}

/** By how many milliseconds the other clock is ahead: at least and at most. */
function differences({ before, at, after, coarseMs = 0 }: ClockReading): readonly [number, number] {
  return [at.getTime() - after.getTime(), at.getTime() + coarseMs - before.getTime()];
}

function showDifference(least: number, most: number): string {
  if (least <= 0 && most >= 0)
    return `in step with this machine's, as far as it can be told (${most - least} ms)`;
  const ms = least > 0 ? least : -most;
  return `${(ms / 1_000).toFixed(1)} s ${least > 0 ? 'ahead of' : 'behind'} this machine's`;
}
