import { NAMES_WAITING } from '../limits.ts';
import type { Change } from './change.ts';

/** The changes that one client has not taken yet. However slowly it takes them, they stay few. */
export class Backlog {
  #waiting: Change[] = [];
  #names = 0;
  #isOver = false;
  #isDue = true;
  #wake: () => void = () => undefined;

  /** Whether nothing more comes, because what there was before is no basis any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  push(change: Change): void {
    const { named } = change;
    this.#names += named === 'all' ? 0 : named.size;
    if (named === 'all' || this.#names > NAMES_WAITING || this.#waiting[0]?.named === 'all') {
      this.#waiting = [{ revision: change.revision, named: 'all', isOfGrants: false }];
      this.#names = 0;
    } else this.#waiting.push(change);
    this.#wake();
  }

  take(): Change | undefined {
    const change = this.#waiting.shift();
    if (change !== undefined && change.named !== 'all') this.#names -= change.named.size;
    return change;
  }

  /** It is time to say that the stream goes on. */
  remind(): void {
    this.#isDue = true;
    this.#wake();
  }

  /** Whether it is time; not again until it is the next time. */
  takeReminder(): boolean {
    const isDue = this.#isDue;
    this.#isDue = false;
    return isDue;
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  /** Resolves when there is something to take, a reminder, the end, or when the signal is aborted. */
  async next(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length > 0 || this.#isDue || this.#isOver || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const abort = (): void => resolve();
    signal.addEventListener('abort', abort, { once: true });
    await promise;
    signal.removeEventListener('abort', abort);
    this.#wake = () => undefined;
  }
}
