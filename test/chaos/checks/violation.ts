/** Something that must never happen and did. */
export interface Violation {
  /** The invariant, by its id in the threat table. */
  readonly invariant: string;
  readonly what: string;
}
