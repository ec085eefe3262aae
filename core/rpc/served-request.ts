import type { ServerUnaryCall, ServerWritableStream } from '@grpc/grpc-js';
import type { Caller } from './route.ts';
import { callOf } from './served-call.ts';

/** A call whose request is there, whichever way it came. */
export interface ServedRequest {
  readonly caller: Caller;
  /** The encoded message. */
  readonly message: Buffer;
  /** When the client stops waiting, by `Date.now`; Infinity when it waits for ever. */
  readonly deadlineMs: number;
  /** The bearer token as it was sent. */
  readonly authorization: string | undefined;
  readonly isCancelled: boolean;
  /** Has `tell` called when nobody waits any more; it may be called at the end of an answered call too. */
  onCancelled(tell: () => void): void;
}

type Call = ServerUnaryCall<Buffer, Buffer> | ServerWritableStream<Buffer, Buffer>;

/** A request that came by way of grpc-js. */
export class GrpcRequest implements ServedRequest {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  get caller(): Caller {
    return callOf(this.#call.metadata).caller;
  }

  get message(): Buffer {
    return this.#call.request;
  }

  get deadlineMs(): number {
    return Number(this.#call.getDeadline());
  }

  get authorization(): string | undefined {
    const [authorization] = this.#call.metadata.get('authorization');
    return typeof authorization === 'string' ? authorization : undefined;
  }

  get isCancelled(): boolean {
    return this.#call.cancelled;
  }

  onCancelled(tell: () => void): void {
    this.#call.once('cancelled', tell);
  }
}
