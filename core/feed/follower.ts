import type { Database } from '../store/connect.ts';
import {
  type OnPolicySet,
  type PlacedEvent,
  pollLedger,
  readSnapshot,
  type Snapshot,
} from '../store/ledger.ts';
import type { DatabaseClock } from './database-clock.ts';
import { DriftAlarm } from './drift-alarm.ts';
import { checkPoll, type Cursor, inOrder } from './prove.ts';
import { RevisionWaiters } from './revision-waiters.ts';

/** Keeps the state that follows from the ledger. */
export interface Sink {
  /** Told of the policy set of a snapshot before that is read to its end, if it ever is. */
  prepare?(...policySet: Parameters<OnPolicySet>): void;
  /** Forgets everything and starts from the snapshot. */
  reset(snapshot: Snapshot): Promise<void>;
  /** Takes the next event. Revisions come dense and in order. */
  apply(placed: PlacedEvent): Promise<void>;
}

export interface FollowerOptions {
  /** A pool of its own, with one connection and a query timeout of about a second. */
  readonly database: Database;
  readonly sink: Sink;
  readonly clock: DatabaseClock;
  readonly log: FollowerLog;
  /** How long it sleeps after a look that found nothing more. */
  readonly pollMs: number;
  /** The most events read at once. */
  readonly batch: number;
}

/** Where the follower says what happens to it. */
export interface FollowerLog {
  readonly info: (facts: object, message: string) => void;
  readonly error: (facts: object, message: string) => void;
}

interface At extends Cursor {
  readonly kind: 'at';
  /** Whether a poll has proved since the snapshot that this is where the ledger goes on. */
  readonly isProved: boolean;
}

type Position = { readonly kind: 'lost' } | At;

/** However often it is rung for, it looks no more often: under load one look serves many appends. */
const LOOKS_APART_MS = 10;

/** What a look at the ledger came to. */
type Found = 'more' | 'end' | 'failure';

/** Follows the ledger: starts from a snapshot, then looks for more at every interval or bell, proving each time that it is the same ledger. */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #waiters = new RevisionWaiters();
  readonly #driftAlarm: DriftAlarm;
  /** Calls that wait for a look, by its number. */
  readonly #lookWaiters = new RevisionWaiters();
  #looks = 0n;
  #position: Position = { kind: 'lost' };
  /** Shrinks while answers fail. */
  #batch: number;
  #wake: () => void = () => undefined;
  #endSleep: () => void = () => undefined;
  #bellRang = false;
  #closed = false;
  #running: Promise<void> | undefined;
  #bootstraps = 0;
  /** What was complained of last: a lasting failure is said once, not at every interval. */
  #said: string | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#driftAlarm = new DriftAlarm(options.log);
    this.#batch = options.batch;
  }

  /** The last revision handed on; undefined until the first good poll after a snapshot, for nothing is known before of how current that is. */
  get revision(): bigint | undefined {
    return this.#position.kind === 'at' && this.#position.isProved ? this.#position.revision : undefined;
  }

  get epoch(): string | undefined {
    return this.#position.kind === 'at' ? this.#position.epoch : undefined;
  }

  /** Starts from a snapshot so far. */
  get bootstraps(): number {
    return this.#bootstraps;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Looks now, not at the next interval. */
  ring(): void {
    this.#bellRang = true;
    this.#wake();
  }

  /** Resolves to whether the revision was reached in time. */
  waitFor(revision: bigint, timeoutMs: number): Promise<boolean> {
    if (this.revision !== undefined && this.revision >= revision) return Promise.resolve(true);
    this.ring();
    return this.#waiters.wait(revision, timeoutMs);
  }

  /**
   * Resolves to whether a look that begins after this call comes to the end of the ledger in time. It is the next one anyway: however
   * many wait, nobody looks more often.
   */
  lookAgain(timeoutMs: number): Promise<boolean> {
    return this.#lookWaiters.wait(this.#looks + 1n, timeoutMs);
  }

  /** How many calls wait for a revision now. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Told after each look that brought something. */
  onAdvance(listener: () => void): () => void {
    return this.#waiters.listen(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#endSleep();
    this.#waiters.close();
    this.#lookWaiters.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#bellRang = false;
      this.#looks += 1n;
      const { monotonicMs: beganMs } = this.#options.clock.look();
      const found = await this.#look();
      if (found === 'end') this.#lookWaiters.reached(this.#looks, false);
      if (found === 'more' || this.#closed) continue;
      // A bell does not shorten the pause after a failure: whoever rings often would make us hammer a database that is down.
      if (found === 'failure' || !this.#bellRang) await this.#sleep(found === 'end');
      await this.#keepApart(beganMs);
    }
  }

  async #look(): Promise<Found> {
    const position = this.#position;
    try {
      const found = position.kind === 'lost' ? await this.#bootstrap() : await this.#follow(position);
      this.#batch = Math.min(this.#batch * 2, this.#options.batch);
      if (found === 'end') this.#said = undefined;
      return found;
    } catch (error) {
      // An answer too big for the query timeout would be so for ever.
      this.#batch = Math.max(Math.floor(this.#batch / 4), 1);
      const message = error instanceof Error ? error.message : String(error);
      this.#complain(message, { err: error }, 'the ledger could not be read');
      return 'failure';
    }
  }

  async #bootstrap(): Promise<Found> {
    const { database, sink } = this.#options;
    const snapshot = await readSnapshot(database, (digest, files) => sink.prepare?.(digest, files));
    await sink.reset(snapshot);
    const { epoch, revision, hash } = snapshot;
    this.#position = { kind: 'at', epoch, revision, hash, isProved: false };
    this.#bootstraps += 1;
    this.#options.log.info({ revision: String(revision), epoch }, 'started from a snapshot of the ledger');
    return 'more';
  }

  async #follow(position: At): Promise<Found> {
    const { clock, database } = this.#options;
    const sent = clock.look();
    const answer = await pollLedger(database, position.revision, this.#batch);
    const received = clock.look();
    const poll = { ...answer, events: inOrder(answer.events) };
    const fault = checkPoll(poll, position);
    if (fault !== undefined) {
      this.#position = { kind: 'lost' };
      const revision = String(position.revision);
      this.#complain(fault, { fault, revision }, 'this is not the ledger that was followed: starting again');
      return 'failure';
    }
    const reached = await this.#handOn(poll.events, position);
    // A look that did not reach the end says nothing about how current the state is.
    const isEnd = reached >= poll.headRevision;
    if (isEnd) {
      clock.observe(poll.databaseAt, sent, received);
      this.#driftAlarm.see(clock.driftMs());
      this.#prove();
    }
    if (isEnd || position.isProved)
      this.#waiters.reached(reached, poll.events.length > 0 || !position.isProved);
    return isEnd ? 'end' : 'more';
  }

  #prove(): void {
    if (this.#position.kind === 'at') this.#position = { ...this.#position, isProved: true };
  }

  async #handOn(events: readonly PlacedEvent[], { epoch, revision, isProved }: At): Promise<bigint> {
    let reached = revision;
    for (const placed of events) {
      try {
        await this.#options.sink.apply(placed);
      } catch (error) {
        // How far the sink came is unknown: start again from a snapshot.
        this.#position = { kind: 'lost' };
        throw error;
      }
      reached = placed.revision;
      this.#position = { kind: 'at', epoch, revision: reached, hash: placed.hash, isProved };
    }
    return reached;
  }

  #complain(what: string, facts: object, message: string): void {
    if (what !== this.#said) this.#options.log.error(facts, message);
    this.#said = what;
  }

  /** Whoever rings meanwhile is served by one look. */
  async #keepApart(beganMs: number): Promise<void> {
    const leftMs = beganMs + LOOKS_APART_MS - this.#options.clock.look().monotonicMs;
    if (leftMs <= 0 || this.#closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(leftMs, LOOKS_APART_MS));
      this.#endSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endSleep = () => undefined;
  }

  async #sleep(hearsBell: boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.pollMs);
      this.#endSleep = () => {
        clearTimeout(timer);
        resolve();
      };
      if (hearsBell) this.#wake = this.#endSleep;
    });
    this.#wake = () => undefined;
    this.#endSleep = () => undefined;
  }
}
