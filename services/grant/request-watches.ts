import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import { changesBasis, type LedgerEvent } from '../../core/access/event.ts';
import type { AccessRequest } from '../../core/access/request.ts';
import type { Follower } from '../../core/feed/follower.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { takeTurns } from './give-way.ts';

/** Reads a request as it is now. */
type ReadRequest = (id: string) => Promise<AccessRequest | undefined>;

/** What is followed. */
interface Followed {
  readonly replica: Pick<Replica, 'watch'>;
  readonly follower: Pick<Follower, 'onAdvance'>;
}

/** Streams at once. */
const MOST = 2_000;
/** The same of one caller. */
const MOST_OF_CALLER = 100;

/**
 * Whoever watches requests. A stream is woken by what happens to its request, which all streams of one request read once, and by changes
 * of directory, policies and locks, for which nobody has to read it again.
 */
export class RequestWatches {
  readonly #read: ReadRequest;
  readonly #byRequest = new Map<string, Set<RequestWatch>>();
  readonly #ofCaller = new Map<string, number>();
  #changed = new Set<string>();
  #isBasisChanged = false;
  #isTelling = false;

  constructor({ replica, follower }: Followed, read: ReadRequest) {
    this.#read = read;
    replica.watch({
      applied: ({ event }) => this.#note(event),
      restarted: () => this.#noteAll(),
    });
    follower.onAdvance(() => void this.#tell()); // it does not reject
  }

  /** Begins to notice what happens to the request, until it is closed. @throws AccessError TOO_MUCH */
  open(id: string, caller: EntityUid): RequestWatch {
    const key = uidKey(caller);
    const own = this.#ofCaller.get(key) ?? 0;
    const all = [...this.#ofCaller.values()].reduce((sum, of) => sum + of, 0);
    if (own >= MOST_OF_CALLER) throw tooMany(MOST_OF_CALLER, ' of this caller');
    if (all >= MOST) throw tooMany(MOST, '');
    const watch = new RequestWatch(() => {
      this.#close(id, watch);
      const left = (this.#ofCaller.get(key) ?? 0) - 1;
      if (left > 0) this.#ofCaller.set(key, left);
      else this.#ofCaller.delete(key);
    });
    this.#ofCaller.set(key, own + 1);
    const known = this.#byRequest.get(id);
    if (known === undefined) this.#byRequest.set(id, new Set([watch]));
    else known.add(watch);
    return watch;
  }

  #close(id: string, watch: RequestWatch): void {
    const of = this.#byRequest.get(id);
    of?.delete(watch);
    if (of?.size === 0) this.#byRequest.delete(id);
  }

  #note(event: LedgerEvent): void {
    if (changesBasis(event.kind)) this.#isBasisChanged = true;
    const id = 'requestId' in event ? event.requestId : undefined;
    if (id !== undefined && this.#byRequest.has(id)) this.#changed.add(id);
  }

  #noteAll(): void {
    for (const id of this.#byRequest.keys()) this.#changed.add(id);
  }

  /** One round at a time, so that nobody is handed an older read after a newer one. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    const giveWay = takeTurns();
    while (this.#changed.size > 0 || this.#isBasisChanged) {
      const changed = this.#changed;
      const concerned = this.#isBasisChanged ? [...this.#byRequest.keys()] : changed;
      this.#changed = new Set();
      this.#isBasisChanged = false;
      for (const id of concerned) {
        const read = changed.has(id) ? once(() => this.#read(id)) : undefined;
        for (const watch of this.#byRequest.get(id) ?? []) {
          watch.tell(read);
          await giveWay();
        }
      }
    }
    this.#isTelling = false;
  }
}

type Read = () => Promise<AccessRequest | undefined>;

/** A timer cannot wait longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** One stream's view of its request. What happens while it is busy is not missed. */
class RequestWatch {
  readonly close: () => void;
  #read: Read | undefined;
  #isDue = false;
  #wake: () => void = () => undefined;

  constructor(close: () => void) {
    this.close = close;
  }

  /** @param read undefined when the request itself is as it was */
  tell(read: Read | undefined): void {
    this.#read = read ?? this.#read;
    this.#isDue = true;
    this.#wake();
  }

  /**
   * Resolves when something has happened that may matter, when the time is over, or with the signal.
   * @returns what reads the request anew; undefined when it has not changed
   */
  async next(signal: AbortSignal, withinMs: number): Promise<Read | undefined> {
    if (!this.#isDue && !signal.aborted) await this.#woken(signal, withinMs);
    const read = this.#read;
    this.#read = undefined;
    this.#isDue = false;
    return read;
  }

  async #woken(signal: AbortSignal, withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wake = wake;
    signal.addEventListener('abort', wake);
    const timer = setTimeout(wake, Math.min(Math.max(withinMs, 1), MAX_TIMER_MS));
    await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', wake);
    this.#wake = () => undefined;
  }
}

function once(read: Read): Read {
  let reading: ReturnType<Read> | undefined;
  return () => (reading ??= read());
}

function tooMany(limit: number, whose: string): AccessError {
  const message = `${limit} streams of requests${whose} are open here, wanted fewer; close one, or ask now and then`;
  return new AccessError('TOO_MUCH', message, { metadata: { limit: String(limit), unit: 'streams' } });
}
