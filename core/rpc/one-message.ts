/** "Not compressed", and the length. */
export const PREFIX_BYTES = 5;

/** What has come of the one message of a request so far. */
export type Received =
  | { readonly kind: 'message'; readonly message: Buffer }
  | { readonly kind: 'too_large' | 'too_many' | 'incomplete' };

const INCOMPLETE: Received = { kind: 'incomplete' };

/** Puts together the one uncompressed message that the body of a unary request is, whichever way it is cut. */
export class OneMessage {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #sizeBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns what there is by now; after `too_large` or `too_many` nothing good can come */
  add(chunk: Buffer): Received {
    this.#chunks.push(chunk);
    this.#sizeBytes += chunk.length;
    return this.received();
  }

  received(): Received {
    if (this.#sizeBytes < PREFIX_BYTES) return INCOMPLETE;
    const [first] = this.#chunks;
    if (first === undefined) return INCOMPLETE;
    const framed = first.length < PREFIX_BYTES ? this.#whole() : first;
    const endBytes = PREFIX_BYTES + framed.readUInt32BE(1);
    if (endBytes > PREFIX_BYTES + this.#maxBytes) return { kind: 'too_large' };
    if (this.#sizeBytes > endBytes) return { kind: 'too_many' };
    if (this.#sizeBytes < endBytes) return INCOMPLETE;
    return { kind: 'message', message: this.#whole().subarray(PREFIX_BYTES) };
  }

  /** All of it in one piece. */
  #whole(): Buffer {
    const [only] = this.#chunks;
    if (only !== undefined && this.#chunks.length === 1) return only;
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }
}
