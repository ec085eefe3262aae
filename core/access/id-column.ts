/** As long as a UUID. */
const WIDTH = 36;
const WORDS = WIDTH / 4;
const FEWEST_ROWS = 256;

/** Ids by row, as bytes that the garbage collector need not look at. */
export class IdColumn {
  #bytes = Buffer.alloc(FEWEST_ROWS * WIDTH);
  #words = wordsOf(this.#bytes);

  /** @param id of characters that are a byte each, as Postgres writes a UUID @throws RangeError when it is longer than one */
  set(row: number, id: string): void {
    if (id.length > WIDTH) throw new RangeError(`not an id: ${JSON.stringify(id)}`);
    const at = row * WIDTH;
    if (at >= this.#bytes.length) this.#widen(row + 1);
    if (id.length < WIDTH) this.#bytes.fill(0, at, at + WIDTH);
    this.#bytes.write(id, at, WIDTH, 'latin1');
  }

  get(row: number): string {
    const at = row * WIDTH;
    const end = this.#bytes[at + WIDTH - 1] === 0 ? this.#bytes.indexOf(0, at) : at + WIDTH;
    return this.#bytes.toString('latin1', at, end);
  }

  /** Equal for equal ids. */
  hash(row: number): number {
    return hashOf(this.#words, row * WORDS);
  }

  #widen(rows: number): void {
    const wider = Buffer.alloc(Math.max(rows * WIDTH, this.#bytes.length * 2));
    this.#bytes.copy(wider);
    this.#bytes = wider;
    this.#words = wordsOf(wider);
  }
}

/** What `hash` is of a row that holds it. */
export function hashOfId(id: string): number {
  const bytes = Buffer.alloc(WIDTH);
  bytes.write(id, 0, WIDTH, 'latin1');
  return hashOf(wordsOf(bytes), 0);
}

function hashOf(words: Int32Array, from: number): number {
  let hash = 0;
  for (let at = from; at < from + WORDS; at += 1) hash = Math.imul(hash ^ (words[at] ?? 0), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

function wordsOf({ buffer }: Buffer<ArrayBuffer>): Int32Array {
  return new Int32Array(buffer);
}
