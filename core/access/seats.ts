import type { Step } from './workflow.ts';

/** A person by a key of the caller's choice, and the steps that they may fill. */
export interface Candidate {
  readonly person: string;
  readonly steps: readonly string[];
}

/** Who fills which step; people by the key given. */
export interface Seating {
  readonly isComplete: boolean;
  readonly filledBy: ReadonlyMap<string, readonly string[]>;
}

/**
 * Seats as many distinct people as possible, one seat each: a maximum bipartite matching by augmenting paths (Kuhn). A person
 * who could fill two steps is moved to the other when that lets one more in.
 */
export function seat(steps: readonly Step[], candidates: Iterable<Candidate>): Seating {
  const seats = new Seats(steps);
  for (const candidate of candidates) {
    seats.add(candidate);
    if (seats.isComplete) break;
  }
  return seats.seating();
}

/** A matching that grows person by person. */
export class Seats {
  readonly #seatsOfStep: ReadonlyMap<string, readonly number[]>;
  readonly #stepOfSeat: readonly string[];
  /** By seat: who sits there. */
  readonly #taken = new Map<number, Candidate>();
  readonly #people = new Set<string>();

  constructor(steps: readonly Step[]) {
    this.#stepOfSeat = steps.flatMap((step) => Array.from({ length: step.seats }, () => step.name));
    this.#seatsOfStep = Map.groupBy(this.#stepOfSeat.keys(), (index) => this.#stepOfSeat[index] ?? '');
  }

  get isComplete(): boolean {
    return this.#taken.size === this.#stepOfSeat.length;
  }

  /** Seats the person if there is a way to; the same person again changes nothing. */
  add(candidate: Candidate): void {
    if (this.#people.has(candidate.person)) return;
    this.#people.add(candidate.person);
    this.#place(candidate, new Set());
  }

  seating(): Seating {
    const filledBy = new Map<string, string[]>([...this.#seatsOfStep.keys()].map((step) => [step, []]));
    for (const [index, { person }] of this.#taken) filledBy.get(this.#stepOfSeat[index] ?? '')?.push(person);
    return { isComplete: this.isComplete, filledBy };
  }

  #place(candidate: Candidate, tried: Set<number>): boolean {
    for (const index of candidate.steps.flatMap((step) => this.#seatsOfStep.get(step) ?? [])) {
      if (tried.has(index)) continue;
      tried.add(index);
      const sitting = this.#taken.get(index);
      if (sitting !== undefined && !this.#place(sitting, tried)) continue;
      this.#taken.set(index, candidate);
      return true;
    }
    return false;
  }
}
