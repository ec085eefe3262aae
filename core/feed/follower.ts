import type { Database } from '../store/connect.ts';
import { type PlacedEvent, type Poll, pollLedger, readSnapshot, type Snapshot } from '../store/ledger.ts';
import type { DatabaseClock } from './database-clock.ts';
import { checkPoll } from './prove.ts';
import { RevisionWaiters } from './revision-waiters.ts';

/** Keeps the state that follows from the ledger. */
export interface Sink {
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

type Position =
  | { readonly kind: 'lost' }
  | { readonly kind: 'at'; readonly epoch: string; readonly revision: bigint; readonly hash: Buffer };

/** Follows the ledger: starts from a snapshot, then looks for more at every interval or bell, proving each time that it is the same ledger. */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #waiters = new RevisionWaiters();
  #position: Position = { kind: 'lost' };
  #wake: () => void = () => undefined;
  #bellRang = false;
  #closed = false;
  #running: Promise<void> | undefined;
  /** Says a failure once, not at every interval. */
  #lastFailure: string | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** The last revision handed on; undefined before the first snapshot, and while it bootstraps again. */
  get revision(): bigint | undefined {
    return this.#position.kind === 'at' ? this.#position.revision : undefined;
  }

  get epoch(): string | undefined {
    return this.#position.kind === 'at' ? this.#position.epoch : undefined;
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
    this.#wake();
    this.#waiters.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      this.#bellRang = false;
      const hasMore = await this.#look();
      if (!hasMore && !this.#bellRang && !this.#closed) await this.#sleep();
    }
  }

  async #look(): Promise<boolean> {
    try {
      const more =
        this.#position.kind === 'lost' ? await this.#bootstrap() : await this.#follow(this.#position);
      this.#lastFailure = undefined;
      return more;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#lastFailure)
        this.#options.log.error({ err: error }, 'the ledger could not be read');
      this.#lastFailure = message;
      return false;
    }
  }

  async #bootstrap(): Promise<boolean> {
    const snapshot = await readSnapshot(this.#options.database);
    await this.#options.sink.reset(snapshot);
    const { epoch, revision, hash } = snapshot;
    this.#position = { kind: 'at', epoch, revision, hash };
    this.#options.log.info({ revision: String(revision), epoch }, 'started from a snapshot of the ledger');
    return true;
  }

  async #follow(position: Extract<Position, { kind: 'at' }>): Promise<boolean> {
    const { clock, database, batch, log } = this.#options;
    const sent = clock.look();
    const poll = await pollLedger(database, position.revision, batch);
    const received = clock.look();
    const fault = checkPoll(poll, position);
    if (fault !== undefined) {
      this.#position = { kind: 'lost' };
      log.error(
        { fault, revision: String(position.revision) },
        'this is not the ledger that was followed: starting again',
      );
      return true;
    }
    await this.#handOn(poll, position.epoch);
    const hasMore = poll.events.length === batch;
    // A look that did not reach the end says nothing about how current the state is.
    if (!hasMore) clock.observe(poll.databaseAt, sent, received);
    if (this.revision !== undefined) this.#waiters.reached(this.revision, poll.events.length > 0);
    return hasMore;
  }

  async #handOn(poll: Poll, epoch: string): Promise<void> {
    for (const placed of poll.events) {
      // Should the sink fail half way, the state is unknown: start again from a snapshot.
      this.#position = { kind: 'lost' };
      await this.#options.sink.apply(placed);
      this.#position = { kind: 'at', epoch, revision: placed.revision, hash: placed.hash };
    }
  }

  async #sleep(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.pollMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}
