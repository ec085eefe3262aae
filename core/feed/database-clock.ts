/** Where the time of this machine comes from; replaced only to test what broken clocks do. */
export interface MachineClock {
  /** Milliseconds since the epoch; may step. */
  readonly wallMs: () => number;
  /** Milliseconds from some start; never steps, but stands still while the machine is suspended. */
  readonly monotonicMs: () => number;
}

export const machineClock: MachineClock = { wallMs: Date.now, monotonicMs: () => performance.now() };

/** One look at both clocks of the machine. */
export interface Instant {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Reads the database's time between the polls that tell it. Two readings, so that an error of either clock only ever ends access. */
export class DatabaseClock {
  readonly #machine: MachineClock;
  #poll: { readonly databaseMs: number; readonly sent: Instant; readonly received: Instant } | undefined;

  constructor(machine: MachineClock) {
    this.#machine = machine;
  }

  look(): Instant {
    return { wallMs: this.#machine.wallMs(), monotonicMs: this.#machine.monotonicMs() };
  }

  /** Milliseconds from some start, for how long something takes. */
  monotonicMs(): number {
    return this.#machine.monotonicMs();
  }

  /** Takes note of a good poll: when it was sent and received, and the database's time in its answer. */
  observe(databaseAt: Date, sent: Instant, received: Instant): void {
    this.#poll = { databaseMs: databaseAt.getTime(), sent, received };
  }

  /** The latest that it may be: ends grants, and is `context.now`. */
  late(): Date {
    const wallMs = this.#machine.wallMs();
    if (this.#poll === undefined) return new Date(wallMs);
    return new Date(Math.ceil(Math.max(wallMs, this.#poll.databaseMs + this.#elapsedMs(this.#poll.sent))));
  }

  /** The earliest that it may be by the database: opens what is scheduled. */
  early(): Date | undefined {
    if (this.#poll === undefined) return undefined;
    const elapsedMs = this.#machine.monotonicMs() - this.#poll.received.monotonicMs;
    return new Date(Math.floor(this.#poll.databaseMs + elapsedMs));
  }

  /** The age of the last good poll, in milliseconds from its sending; Infinity before the first. */
  ageMs(): number {
    return this.#poll === undefined ? Number.POSITIVE_INFINITY : this.#elapsedMs(this.#poll.sent);
  }

  /**
   * For what is shown: the earliest that it may be, so that nothing is said to be over that a transition could still begin. It is of the
   * monotonic clock alone, because a wrong wall clock must not change what is shown.
   */
  now(): Date {
    return this.early() ?? new Date(this.#machine.wallMs());
  }

  /**
   * How far this machine's clock is ahead of the database's for certain, in milliseconds; negative when behind. The database answered
   * at some moment between the sending and the receiving of the last good poll, so that a slow answer is no drift.
   */
  driftMs(): number {
    if (this.#poll === undefined) return 0;
    const { databaseMs, sent, received } = this.#poll;
    return Math.max(sent.wallMs - databaseMs, 0) + Math.min(received.wallMs - databaseMs, 0);
  }

  #elapsedMs(since: Instant): number {
    const now = this.look();
    return Math.max(now.monotonicMs - since.monotonicMs, now.wallMs - since.wallMs);
  }
}
