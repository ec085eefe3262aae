import { constants, type ServerHttp2Stream } from 'node:http2';

/**
 * Resets a stream of answers of which the client has not taken one for so long: it would keep its place, and what waits to be sent,
 * for as long as its connection. The client sees RESOURCE_EXHAUSTED.
 */
export class UnreadAnswers {
  readonly #stream: ServerHttp2Stream;
  readonly #maxUnreadMs: number;
  #unsent = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: ServerHttp2Stream, maxUnreadMs: number) {
    this.#stream = stream;
    this.#maxUnreadMs = maxUnreadMs;
    stream.once('close', () => clearTimeout(this.#timer));
  }

  /** An answer is about to be sent. @returns what to call when it is, which calls `callback` */
  sending(callback: () => void): () => void {
    this.#unsent += 1;
    if (this.#timer === undefined) this.#wait();
    return () => {
      this.#unsent -= 1;
      this.#wait();
      callback();
    };
  }

  #wait(): void {
    clearTimeout(this.#timer);
    const isWaiting = this.#unsent > 0 && !this.#stream.closed;
    const cut = (): void => this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.#timer = isWaiting ? setTimeout(cut, this.#maxUnreadMs) : undefined;
  }
}
