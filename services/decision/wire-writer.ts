const VARINT = 0;
const DELIMITED = 2;
/** Of Timestamp and Duration alike. */
const SECONDS = 1;
const NANOS = 2;

/** Writes what there is of protobuf's wire format in an answer; its numbers are whole and not negative, those of its fields below 16. */
export class WireWriter {
  readonly #bytes: Buffer;
  #at = 0;

  /** @param mostBytes that are written, at most */
  constructor(mostBytes: number) {
    this.#bytes = Buffer.allocUnsafe(mostBytes);
  }

  get length(): number {
    return this.#at;
  }

  /** A field that is a message, or a text, of so many bytes: they are written next. */
  field(no: number, sizeBytes: number): void {
    this.#tag(no, DELIMITED);
    this.#varint(sizeBytes);
  }

  /** What is encoded already, each byte one character. */
  encoded(text: string): void {
    this.#at += this.#bytes.write(text, this.#at, 'latin1');
  }

  /** All that another has written. */
  allOf(other: WireWriter): void {
    other.#bytes.copy(this.#bytes, this.#at, 0, other.#at);
    this.#at += other.#at;
  }

  text(no: number, text: string): void {
    if (text !== '') this.#text(no, text);
  }

  /** Each of them, the empty ones, too. */
  texts(no: number, texts: readonly string[]): void {
    for (const text of texts) this.#text(no, text);
  }

  /** Of ASCII, and not empty: its length need not be worked out. */
  word(no: number, word: string): void {
    this.field(no, word.length);
    this.#at += this.#bytes.write(word, this.#at, 'latin1');
  }

  number(no: number, value: number): void {
    if (value === 0) return;
    this.#tag(no, VARINT);
    this.#varint(value);
  }

  /** A Timestamp or a Duration of so many milliseconds. */
  secondsAndNanos(no: number, ms: number): void {
    this.#tag(no, DELIMITED);
    const lengthAt = this.#at++;
    this.number(SECONDS, Math.floor(ms / 1_000));
    this.number(NANOS, (ms % 1_000) * 1_000_000);
    this.#bytes[lengthAt] = this.#at - lengthAt - 1;
  }

  /** Begins anew, in the same place: what was finished before is lost. */
  restart(): void {
    this.#at = 0;
  }

  /** Each byte is one character. */
  finishText(): string {
    return this.#bytes.toString('latin1', 0, this.#at);
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #text(no: number, text: string): void {
    this.field(no, Buffer.byteLength(text));
    this.#at += this.#bytes.write(text, this.#at);
  }

  #tag(no: number, type: number): void {
    this.#varint(no * 8 + type);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > INT32_MAX; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) + 128;
    for (; rest >= 128; rest >>= 7) this.#bytes[this.#at++] = (rest & 127) | 128;
    this.#bytes[this.#at++] = rest;
  }
}

/** Up to here V8 counts in whole numbers. */
const INT32_MAX = 2 ** 31 - 1;

/** Bytes that a text and what is in front of it take, at most. */
export function mostBytesOf(text: string): number {
  return 3 * text.length + MOST_AHEAD_BYTES;
}

/** Bytes in front of what `field` begins, at most. */
export const MOST_AHEAD_BYTES = 6;
