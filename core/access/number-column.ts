const FEWEST_ROWS = 256;

/** Numbers by row, eight bytes each, which the garbage collector need not look at. */
export class NumberColumn {
  #values = new Float64Array(FEWEST_ROWS);

  /** Of a row that was set. */
  get(row: number): number {
    return this.#values[row] as number; // it was set
  }

  set(row: number, value: number): void {
    if (row >= this.#values.length) this.#widen(row + 1);
    this.#values[row] = value;
  }

  #widen(rows: number): void {
    const wider = new Float64Array(Math.max(rows, this.#values.length * 2));
    wider.set(this.#values);
    this.#values = wider;
  }
}
