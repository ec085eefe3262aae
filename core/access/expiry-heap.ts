import type { GrantTable } from './grant-table.ts';
import { NumberColumn } from './number-column.ts';

/** The rows of a table by when their grants expire, the first on top: a binary heap that knows where each of them is. */
export class ExpiryHeap {
  readonly #table: GrantTable;
  readonly #rows = new NumberColumn();
  /** By row, where it is in `#rows`. */
  readonly #places = new NumberColumn();
  #size = 0;

  /** Holds those that the table has; cheaper than one after the other. */
  constructor(table: GrantTable) {
    this.#table = table;
    for (const row of table.rows()) this.#put(row, this.#size++);
    for (let place = (this.#size >> 1) - 1; place >= 0; place -= 1) this.#sink(place);
  }

  /** The one that expires first. */
  get first(): number | undefined {
    return this.#size === 0 ? undefined : this.#rows.get(0);
  }

  add(row: number): void {
    this.#size += 1;
    this.#put(row, this.#size - 1);
    this.#rise(this.#size - 1);
  }

  /** Of one that is in it, while its grant still expires when it did. */
  remove(row: number): void {
    this.#size -= 1;
    const last = this.#rows.get(this.#size);
    if (last === row) return;
    const place = this.#places.get(row);
    this.#put(last, place);
    this.#rise(place);
    this.#sink(place);
  }

  #put(row: number, place: number): void {
    this.#rows.set(place, row);
    this.#places.set(row, place);
  }

  #rise(from: number): void {
    for (let place = from; place > 0; ) {
      const above = (place - 1) >> 1;
      if (!this.#isEarlier(place, above)) return;
      this.#swap(place, above);
      place = above;
    }
  }

  #sink(from: number): void {
    for (let place = from; ; ) {
      const left = 2 * place + 1;
      const right = left + 1;
      const below = this.#isEarlier(right, left) ? right : left;
      if (!this.#isEarlier(below, place)) return;
      this.#swap(below, place);
      place = below;
    }
  }

  #swap(place: number, other: number): void {
    const [one, two] = [this.#rows.get(place), this.#rows.get(other)];
    this.#put(one, other);
    this.#put(two, place);
  }

  /** False where one of the places is beyond the end. */
  #isEarlier(place: number, other: number): boolean {
    if (place >= this.#size) return false;
    return this.#table.expiresMs(this.#rows.get(place)) < this.#table.expiresMs(this.#rows.get(other));
  }
}
