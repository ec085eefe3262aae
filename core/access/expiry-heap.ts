import type { GrantTable } from './grant-table.ts';

/** The rows of a table by when their grants expire, the first on top: a binary heap that knows where each of them is. */
export class ExpiryHeap {
  readonly #table: GrantTable;
  readonly #rows: number[];
  /** By row, where it is in `#rows`. */
  readonly #places: number[] = [];

  /** Holds those that the table has; cheaper than one after the other. */
  constructor(table: GrantTable) {
    this.#table = table;
    this.#rows = [...table.rows()];
    for (const [place, row] of this.#rows.entries()) this.#places[row] = place;
    for (let place = (this.#rows.length >> 1) - 1; place >= 0; place -= 1) this.#sink(place);
  }

  /** The one that expires first. */
  get first(): number | undefined {
    return this.#rows[0];
  }

  add(row: number): void {
    this.#put(row, this.#rows.length);
    this.#rise(this.#rows.length - 1);
  }

  /** Of one that is in it, as long as its grant expires when it did. */
  remove(row: number): void {
    const place = this.#places[row];
    const last = this.#rows.pop();
    if (place === undefined || last === undefined || last === row) return;
    this.#put(last, place);
    this.#rise(place);
    this.#sink(place);
  }

  #put(row: number, place: number): void {
    this.#rows[place] = row;
    this.#places[row] = place;
  }

  #rise(from: number): void {
    for (let place = from; place > 0; ) {
      const above = (place - 1) >> 1;
      if (!this.#swapIfEarlier(place, above)) return;
      place = above;
    }
  }

  #sink(from: number): void {
    for (let place = from; ; ) {
      const left = 2 * place + 1;
      const right = left + 1;
      const below = this.#isEarlier(right, left) ? right : left;
      if (!this.#swapIfEarlier(below, place)) return;
      place = below;
    }
  }

  #swapIfEarlier(place: number, other: number): boolean {
    const [one, two] = [this.#rows[place], this.#rows[other]];
    if (one === undefined || two === undefined || !this.#isEarlier(place, other)) return false;
    this.#put(one, other);
    this.#put(two, place);
    return true;
  }

  #isEarlier(place: number, other: number): boolean {
    const [one, two] = [this.#rows[place], this.#rows[other]];
    return one !== undefined && two !== undefined && this.#table.expiresMs(one) < this.#table.expiresMs(two);
  }
}
