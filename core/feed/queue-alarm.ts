import type { FollowerLog } from './follower.ts';

/** Listeners that keep up leave the queue empty: at one hundredth one of them has stopped, or somebody floods it. */
const ALARM_USAGE = 0.01;

/** Tells, once each time that it happens, that the database's queue of notifications fills up. */
export class QueueAlarm {
  readonly #log: FollowerLog;
  #isTold = false;

  constructor(log: FollowerLog) {
    this.#log = log;
  }

  /** @param usage from 0 to 1 */
  see(usage: number): void {
    const isFilling = usage > ALARM_USAGE;
    if (isFilling && !this.#isTold)
      this.#log.error(
        { usage },
        "the database's queue of notifications fills up: a listener has stopped in its transaction, or somebody floods it",
      );
    this.#isTold = isFilling;
  }
}
