import { constants, type ServerHttp2Stream } from 'node:http2';
import { AccessError } from '../access/access-error.ts';
import { toStatusObject } from './status.ts';

/** A call whose request may not have ended yet. */
export interface UnfinishedCall {
  readonly stream: ServerHttp2Stream;
  /** When it began, by `performance.now`. */
  readonly startedMs: number;
  readonly sendStatus: (status: ReturnType<typeof toStatusObject>) => void;
}

/**
 * Sees to it that calls whose request never ends do not stay for as long as their connection, which they would keep from being idle:
 * one that does not end in time is refused. A timer for each call would cost more than to look over all of them now and then.
 */
export class UnfinishedCalls {
  readonly #requestTimeoutMs: number;
  /** Between its neighbours are those that have not ended, in the order in which they began. */
  readonly #ends = new Place();
  #isWatching = false;

  constructor(requestTimeoutMs: number) {
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  add(call: UnfinishedCall): Unfinished {
    if (!this.#isWatching) this.#lookIn(this.#requestTimeoutMs);
    return new Place(call, this.#ends);
  }

  #lookIn(waitMs: number): void {
    this.#isWatching = true;
    setTimeout(() => this.#look(), waitMs).unref();
  }

  #look(): void {
    this.#isWatching = false;
    const nowMs = performance.now();
    for (let first = this.#ends.next; first.call !== undefined; first = this.#ends.next) {
      const { call } = first;
      const leftMs = call.startedMs + this.#requestTimeoutMs - nowMs;
      if (leftMs > 0) return this.#lookIn(Math.ceil(leftMs));
      first.end();
      if (!call.stream.readableEnded) call.sendStatus(toStatusObject(late(this.#requestTimeoutMs)));
    }
  }
}

/** That a call has not ended yet. */
export interface Unfinished {
  /** It has, or is of no interest any more. */
  end(): void;
}

/**
 * One in a ring of calls. In a `Set` they would come and go as well, but its old tables, which lead to the later ones, keep them until the
 * next full collection; what is taken out of the ring leads nowhere.
 */
class Place implements Unfinished {
  call: UnfinishedCall | undefined;
  previous: Place;
  next: Place;

  /** @param ends where it is put last; without them it is those of a ring of its own */
  constructor(call?: UnfinishedCall, ends?: Place) {
    this.call = call;
    this.next = ends ?? this;
    this.previous = ends?.previous ?? this;
    this.next.previous = this;
    this.previous.next = this;
  }

  end(): void {
    this.next.previous = this.previous;
    this.previous.next = this.next;
    this.next = this;
    this.previous = this;
    this.call = undefined;
  }
}

/** One that is refused before its end is reset as RFC 9113 §8.1 says, once the refusal is sent; grpc-js does not. */
export function endIncomplete(stream: ServerHttp2Stream): void {
  if (stream.readableEnded || stream.headersSent) return;
  stream.once('finish', () => {
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  });
}

function late(requestTimeoutMs: number): AccessError {
  const message = `the request did not end within ${requestTimeoutMs} ms of its headers; send it at once`;
  return new AccessError('FIELD_INVALID', message);
}
