import { type LoopTurns, readLoopTurns } from './loop-turns.ts';

export interface TurnLimits {
  /** How long a turn of the event loop may take; all that comes meanwhile waits in the sockets, where nobody sees it. */
  readonly turnMs: number;
  /** For how long turns must have been too long before calls are refused for it: a burst alone is worked off. */
  readonly standingMs: number;
  /** For how long no turn must have brought too many before all are let in again. */
  readonly goneMs: number;
  /** Calls that one turn takes on whatever its length. */
  readonly fewestPerTurn: number;
}

/** Turns that what a call takes is learnt from. */
const TURNS_REMEMBERED = 9;

/**
 * How many calls one turn of the event loop takes on. Node reads whatever its sockets hold before any of it is answered, so a queue shows
 * in the length of the turns. When they have been too long for a while, and until none has brought too many for another, a turn takes on
 * what fits into the right length.
 */
export class TurnBudget {
  readonly #limits: TurnLimits;
  readonly #readTurns: () => LoopTurns;
  #taken = 0;
  /** When this turn began to bring calls; undefined when it has not. */
  #beganMs: number | undefined;
  #last: LoopTurns;
  #lastTookMs = 0;
  /** How long calls of this turn may have lain in their sockets: while the turn before went on. */
  #laidMs = 0;
  /** What a call took in each of the last turns that brought many. */
  readonly #costsMs: number[] = [];
  #callMs = 0;
  /** The end of the first of the turns that have been too long; what one alone leaves behind is no queue yet. */
  #longSinceMs: number | undefined;
  #crowdedUntilMs = 0;
  #wasSpent = false;

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

  /** How long the next call of this turn will have waited when it is answered, at most; 0 while there are few. */
  get waitMs(): number {
    if (this.#taken < this.#limits.fewestPerTurn) return 0;
    return this.#laidMs + (this.#taken + 1) * this.#callMs;
  }

  /** Whether a queue stands and this turn has taken on as much as it should. */
  isSpent(): boolean {
    const { turnMs, fewestPerTurn } = this.#limits;
    const isCrowded = this.#begin() < this.#crowdedUntilMs;
    const isSpent = isCrowded && this.#taken >= Math.max(fewestPerTurn, turnMs / this.#callMs);
    this.#wasSpent ||= isSpent;
    return isSpent;
  }

  take(): void {
    this.#begin();
    this.#taken += 1;
  }

  #begin(): number {
    if (this.#beganMs === undefined) {
      const { atMs, turns } = this.#readTurns();
      this.#beganMs = atMs;
      this.#laidMs = turns - this.#last.turns > 1 ? 0 : this.#lastTookMs;
      setImmediate(() => this.#end());
    }
    return this.#beganMs;
  }

  #end(): void {
    const { turnMs, standingMs, goneMs, fewestPerTurn } = this.#limits;
    const now = this.#readTurns();
    const tookMs = (now.activeMs - this.#last.activeMs) / Math.max(1, now.turns - this.#last.turns);
    // A turn may be long with few calls, or with none: that is no queue, and says nothing of calls.
    const broughtMany = this.#taken >= fewestPerTurn;
    if (broughtMany) this.#learn(tookMs / this.#taken);
    this.#longSinceMs = broughtMany && tookMs > turnMs ? (this.#longSinceMs ?? now.atMs) : undefined;
    const stands = this.#longSinceMs !== undefined && now.atMs - this.#longSinceMs >= standingMs;
    if (stands || this.#wasSpent) this.#crowdedUntilMs = now.atMs + goneMs;
    this.#wasSpent = false;
    this.#last = now;
    this.#lastTookMs = tookMs;
    this.#beganMs = undefined;
    this.#taken = 0;
  }

  /** By the median: what held up one turn (a collection of garbage, a process that stood still) says nothing of calls either. */
  #learn(costMs: number): void {
    this.#costsMs.push(costMs);
    if (this.#costsMs.length > TURNS_REMEMBERED) this.#costsMs.shift();
    const sorted = this.#costsMs.toSorted((a, b) => a - b);
    this.#callMs = sorted[Math.floor(sorted.length / 2)] ?? costMs;
  }
}
