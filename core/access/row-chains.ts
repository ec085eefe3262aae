const NONE = -1;
const FEWEST_PLACES = 256;

/** Finds rows by a hash of what they hold: a hash table in two lists of numbers, which the garbage collector need not look through. */
export class RowChains {
  readonly #hashOf: (row: number) => number;
  /** By place, the first row of those whose hash belongs there. */
  #first: Int32Array;
  /** By row, the next of these. */
  #next: Int32Array;

  /**
   * @param hashOf of a row, the same for as long as it is in here
   * @param rows so many are expected; there may be more
   */
  constructor(hashOf: (row: number) => number, rows = 0) {
    this.#hashOf = hashOf;
    const places = placesFor(rows);
    this.#first = new Int32Array(places).fill(NONE);
    this.#next = new Int32Array(places).fill(NONE);
  }

  /** Of one that is not in here. */
  add(row: number): void {
    if (row >= this.#next.length) this.#widen(row + 1);
    const place = this.#placeOf(this.#hashOf(row));
    this.#next[row] = this.#first[place] ?? NONE;
    this.#first[place] = row;
  }

  remove(row: number): void {
    const place = this.#placeOf(this.#hashOf(row));
    let before = NONE;
    for (const each of this.#chain(place)) {
      if (each === row && before === NONE) this.#first[place] = this.#after(row);
      else if (each === row) this.#next[before] = this.#after(row);
      before = each;
    }
  }

  /** Those of that hash, and maybe others. */
  of(hash: number): readonly number[] {
    return this.#chain(this.#placeOf(hash));
  }

  #widen(rows: number): void {
    const wider = new RowChains(this.#hashOf, rows);
    for (let place = 0; place < this.#first.length; place += 1)
      for (const row of this.#chain(place)) wider.add(row);
    this.#first = wider.#first;
    this.#next = wider.#next;
  }

  #chain(place: number): readonly number[] {
    const rows: number[] = [];
    for (let row = this.#first[place] ?? NONE; row !== NONE; row = this.#after(row)) rows.push(row);
    return rows;
  }

  #after(row: number): number {
    return this.#next[row] ?? NONE;
  }

  #placeOf(hash: number): number {
    return hash & (this.#first.length - 1);
  }
}

/** A power of two, so that a hash's last bits say its place. */
function placesFor(rows: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(rows, FEWEST_PLACES)));
}
