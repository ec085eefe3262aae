import { type LoopTurns, readLoopTurns } from './loop-turns.ts';

export interface TurnLimits {
  /** How long a turn of the event loop may take; all that comes meanwhile waits in the sockets, where nobody sees it. */
  readonly turnMs: number;
  /** For how long turns must have been too long before calls are refused for it: a burst alone is worked off. */
  readonly standingMs: number;
  /** Calls that one turn takes on whatever its length. */
  readonly fewestPerTurn: number;
}

/** How much of what was learnt stays with each turn. */
const MEMORY = 0.9;

/**
 * How many calls one turn of the event loop takes on. Node reads whatever its sockets hold before any of it is answered, so a queue shows
 * in the length of the turns. When they have been too long for a while, and until none has brought too many for as long, a turn takes on
 * what fits into the right length.
 */
export class TurnBudget {
  readonly #limits: TurnLimits;
  readonly #readTurns: () => LoopTurns;
  #taken = 0;
  /** When this turn began to bring calls; undefined when it has not. */
  #beganMs: number | undefined;
  #last: LoopTurns;
  /** Sums over the turns with calls, the older the less. */
  #sum = { ms: 0, calls: 0 };
  #longSinceMs: number | undefined;
  #crowdedUntilMs = 0;

  /** @param readTurns replaced only to test */
  constructor(limits: TurnLimits, readTurns: () => LoopTurns = readLoopTurns) {
    this.#limits = limits;
    this.#readTurns = readTurns;
    this.#last = readTurns();
  }

  /** Calls taken on in this turn. */
  get taken(): number {
    return this.#taken;
  }

  /** How long a call has kept the event loop busy lately. */
  get callMs(): number {
    return this.#sum.calls === 0 ? 0 : this.#sum.ms / this.#sum.calls;
  }

  /** Whether a queue stands and this turn has taken on as much as it should. */
  isSpent(): boolean {
    const { turnMs, standingMs, fewestPerTurn } = this.#limits;
    const beganMs = this.#begin();
    const isSpent =
      beganMs < this.#crowdedUntilMs && this.#taken >= Math.max(fewestPerTurn, turnMs / this.callMs);
    if (isSpent) this.#crowdedUntilMs = beganMs + standingMs;
    return isSpent;
  }

  take(): void {
    this.#begin();
    this.#taken += 1;
  }

  #begin(): number {
    if (this.#beganMs === undefined) {
      const beganMs = this.#readTurns().atMs;
      this.#beganMs = beganMs;
      setImmediate(() => this.#end(beganMs));
    }
    return this.#beganMs;
  }

  #end(beganMs: number): void {
    const { turnMs, standingMs } = this.#limits;
    const now = this.#readTurns();
    const tookMs = (now.activeMs - this.#last.activeMs) / Math.max(1, now.turns - this.#last.turns);
    if (this.#taken > 0) {
      const { ms, calls } = this.#sum;
      this.#sum = { ms: ms * MEMORY + tookMs, calls: calls * MEMORY + this.#taken };
    }
    this.#longSinceMs = tookMs > turnMs ? (this.#longSinceMs ?? beganMs) : undefined;
    if (this.#longSinceMs !== undefined && now.atMs - this.#longSinceMs >= standingMs)
      this.#crowdedUntilMs = now.atMs + standingMs;
    this.#last = now;
    this.#beganMs = undefined;
    this.#taken = 0;
  }
}
