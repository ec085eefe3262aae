import { constants, type ServerHttp2Stream } from 'node:http2';
import { AccessError } from '../access/access-error.ts';
import { toStatusObject } from './status.ts';

/** A call whose request has not ended yet. */
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
  /** In the order in which they began. */
  readonly #calls = new Set<UnfinishedCall>();
  #isWatching = false;

  constructor(requestTimeoutMs: number) {
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  add(call: UnfinishedCall): void {
    this.#calls.add(call);
    if (!this.#isWatching) this.#lookIn(this.#requestTimeoutMs);
  }

  delete(call: UnfinishedCall): void {
    this.#calls.delete(call);
  }

  #lookIn(waitMs: number): void {
    this.#isWatching = true;
    setTimeout(() => this.#look(), waitMs).unref();
  }

  #look(): void {
    this.#isWatching = false;
    const nowMs = performance.now();
    for (const call of this.#calls) {
      const leftMs = call.startedMs + this.#requestTimeoutMs - nowMs;
      if (leftMs > 0) return this.#lookIn(Math.ceil(leftMs));
      this.#calls.delete(call);
      if (!call.stream.readableEnded) call.sendStatus(toStatusObject(late(this.#requestTimeoutMs)));
    }
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
