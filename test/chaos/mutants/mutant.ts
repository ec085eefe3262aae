import type { FaultKind } from '../faults.ts';

/** One change of one file. */
export interface Edit {
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A fault planted in the source, and how it is to be found. */
export interface Mutant {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** What has to be broken for it to show; none = it shows by itself. */
  readonly kinds: readonly FaultKind[];
  /** The invariants of which at least one is then violated. */
  readonly violates: readonly string[];
  /** Instead of a run under faults, the tests of which at least one then fails. */
  readonly tests?: NamedTests;
}

export interface NamedTests {
  readonly file: string;
  readonly titles: readonly string[];
}
