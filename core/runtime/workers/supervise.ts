import type { Logger } from '../log.ts';
import { WorkerProcess } from './worker-process.ts';

export interface SupervisorOptions {
  /** The file that the workers run. */
  readonly main: string;
  readonly count: number;
  readonly logger: Logger;
  /** Told once, when no worker can be started. */
  readonly onGiveUp: (error: Error) => void;
  readonly onRestart: () => void;
}

const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 30_000;
/** Who worked for so long is started again at once. */
const STEADY_MS = 60_000;

interface Place {
  readonly number: number;
  worker: WorkerProcess | undefined;
  /** Whether its first start came to anything, good or bad. */
  isSettled: boolean;
  takingSinceMs: number | undefined;
  /** Ends in a row after little work. */
  failures: number;
  restart: NodeJS.Timeout | undefined;
}

/**
 * Keeps as many workers as wanted running. One that ends is started again: after a tenth of a second, or twice as long as the last time,
 * up to half a minute, when it had not worked for a minute. While none works, one that ends before it takes connections ends it all, as a
 * service that cannot start does: whoever supervises this process sees it and decides.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #places: readonly Place[];
  readonly #started = Promise.withResolvers<void>();
  #isStopping = false;

  /** Starts them. */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, (_, index) => ({
      number: index + 1,
      worker: undefined,
      isSettled: false,
      takingSinceMs: undefined,
      failures: 0,
      restart: undefined,
    }));
    for (const place of this.#places) this.#start(place);
  }

  /** Those of now, by number, starting and stopping ones too. */
  get workers(): readonly WorkerProcess[] {
    return this.#places.flatMap(({ worker }) => (worker === undefined ? [] : [worker]));
  }

  /** Resolves when every worker takes connections, or could not be started while another could. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  stopServing(): void {
    for (const worker of this.workers) worker.stopServing();
  }

  /** Ends them all; resolves when they are gone. */
  async stop(): Promise<void> {
    this.#stopRestarts();
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }

  #start(place: Place): void {
    place.takingSinceMs = undefined;
    place.worker = new WorkerProcess({
      ...this.#options,
      number: place.number,
      onTaking: () => {
        place.takingSinceMs = performance.now();
        this.#settle(place);
      },
      onExit: (how) => this.#ended(place, how),
    });
  }

  #ended(place: Place, how: string): void {
    place.worker = undefined;
    if (this.#isStopping) return;
    const { number, takingSinceMs } = place;
    if (takingSinceMs === undefined && this.workers.length === 0) {
      this.#stopRestarts();
      const what = `worker ${number} ended (${how}) before it took a connection, and no other works`;
      return this.#options.onGiveUp(new Error(`${what}: its own last line says why`));
    }
    const wasSteady = takingSinceMs !== undefined && performance.now() - takingSinceMs >= STEADY_MS;
    const inMs = Math.min(FIRST_RESTART_MS * 2 ** (wasSteady ? 0 : place.failures), LONGEST_RESTART_MS);
    place.failures = wasSteady ? 1 : place.failures + 1;
    const message = `worker ${number} ended (${how}) and is started again in ${inMs} ms`;
    this.#options.logger.error({ worker: number }, message);
    place.restart = setTimeout(() => {
      this.#options.onRestart();
      this.#start(place);
    }, inMs);
    this.#settle(place);
  }

  #settle(place: Place): void {
    place.isSettled = true;
    const isAnyTaking = this.workers.some(({ isTaking }) => isTaking);
    if (isAnyTaking && this.#places.every(({ isSettled }) => isSettled)) this.#started.resolve();
  }

  #stopRestarts(): void {
    this.#isStopping = true;
    for (const { restart } of this.#places) clearTimeout(restart);
  }
}
