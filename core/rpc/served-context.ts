import type { ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import type { Work } from './admission.ts';
import type { CallContext, Caller } from './route.ts';
import { callOf } from './served-call.ts';

type Call = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

/** What a handler knows of one call; whatever few handlers ask for is made when one asks. */
export class ServedContext implements CallContext {
  readonly #call: Call;
  readonly #work: Work;
  #controller: AbortController | undefined;
  #isOver = false;

  constructor(call: Call, work: Work) {
    this.#call = call;
    this.#work = work;
  }

  get caller(): Caller {
    return callOf(this.#call.metadata).caller;
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    this.#controller = new AbortController();
    // grpc-js says of every call at its end that it is cancelled: of one that is answered nobody wants to know.
    const cancel = (): void => void (this.#isOver || this.abort(cancelled()));
    if (this.#call.cancelled) cancel();
    else this.#call.once('cancelled', cancel);
    return this.#controller.signal;
  }

  get requestBytes(): number {
    return this.#call.request.byteLength;
  }

  get deadline(): Date | undefined {
    const deadline = this.#call.getDeadline();
    return deadline === Number.POSITIVE_INFINITY ? undefined : new Date(deadline);
  }

  get authorization(): string | undefined {
    const [authorization] = this.#call.metadata.get('authorization');
    return typeof authorization === 'string' ? authorization : undefined;
  }

  weigh(calls: number): void {
    this.#work.weigh(calls);
  }

  /** Whether nobody waits for the answer any more. */
  get isGivenUp(): boolean {
    return this.#controller === undefined ? this.#call.cancelled : this.#controller.signal.aborted;
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
