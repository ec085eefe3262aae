import type { Work } from './admission.ts';
import type { CallContext, Caller } from './route.ts';
import type { ServedRequest } from './served-request.ts';

/** What a handler knows of one call; whatever few handlers ask for is made when one asks. */
export class ServedContext implements CallContext {
  readonly #request: ServedRequest;
  readonly #work: Work;
  #controller: AbortController | undefined;
  #isOver = false;

  constructor(request: ServedRequest, work: Work) {
    this.#request = request;
    this.#work = work;
  }

  get caller(): Caller {
    return this.#request.caller;
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    this.#controller = new AbortController();
    // Of every call it is said at its end that it is cancelled: of one that is answered nobody wants to know.
    const cancel = (): void => void (this.#isOver || this.abort(cancelled()));
    if (this.#request.isCancelled) cancel();
    else this.#request.onCancelled(cancel);
    return this.#controller.signal;
  }

  get requestBytes(): number {
    return this.#request.message.byteLength;
  }

  get deadline(): Date | undefined {
    const { deadlineMs } = this.#request;
    return deadlineMs === Number.POSITIVE_INFINITY ? undefined : new Date(deadlineMs);
  }

  get authorization(): string | undefined {
    return this.#request.authorization;
  }

  weigh(calls: number): void {
    this.#work.weigh(calls);
  }

  /** Whether nobody waits for the answer any more. */
  get isGivenUp(): boolean {
    return this.#controller === undefined ? this.#request.isCancelled : this.#controller.signal.aborted;
  }

  abort(why: Error): void {
    this.#controller?.abort(why);
  }

  /** The call has its answer. */
  close(): void {
    this.#isOver = true;
  }
}

function cancelled(): Error {
  return new Error('the client cancelled, or its deadline passed');
}
