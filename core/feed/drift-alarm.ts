import type { FollowerLog } from './follower.ts';

/** From here on this machine's clock is worth a look. */
const ALARM_MS = 1_000;
/** From here on a decision service says that it is not ready: its clock ends access that the database would give. */
const NOT_READY_MS = 5_000;

type Level = 'right' | 'off' | 'far off';

/** Whether the clock is too far from the database's for a process to call itself ready. @param driftMs of `DatabaseClock` */
export function isFarOff(driftMs: number): boolean {
  return levelOf(driftMs) === 'far off';
}

/** Tells of a clock that drifts, once for each level that it comes to. */
export class DriftAlarm {
  readonly #log: FollowerLog;
  #told: Level = 'right';

  constructor(log: FollowerLog) {
    this.#log = log;
  }

  /** @param driftMs of `DatabaseClock`, after each good poll */
  see(driftMs: number): void {
    // Half way back before it counts as right again: a clock at the very limit must not fill the log.
    if (Math.abs(driftMs) <= ALARM_MS / 2) this.#tell('right', driftMs);
    else if (Math.abs(driftMs) > ALARM_MS) this.#tell(levelOf(driftMs), driftMs);
  }

  #tell(level: Level, driftMs: number): void {
    const before = this.#told;
    if (level === before) return;
    this.#told = level;
    const facts = { driftMs: Math.round(driftMs) };
    if (level === 'right') this.#log.info(facts, "this machine's clock agrees with the database's again");
    else this.#log.error(facts, MESSAGES[level]);
  }
}

const MESSAGES = {
  off: "this machine's clock is off the database's by more than a second: set it, grants may end early here",
  'far off':
    "this machine's clock is off the database's by more than five seconds: a decision service is not ready until it is set",
} as const;

function levelOf(driftMs: number): Level {
  const offMs = Math.abs(driftMs);
  return offMs > NOT_READY_MS ? 'far off' : offMs > ALARM_MS ? 'off' : 'right';
}
