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
  /** By person: with every step that they may fill, by whichever account. */
  readonly #people = new Map<string, Candidate>();

  constructor(steps: readonly Step[]) {
    this.#stepOfSeat = steps.flatMap((step) => Array.from({ length: step.seats }, () => step.name));
    this.#seatsOfStep = Map.groupBy(this.#stepOfSeat.keys(), (index) => this.#stepOfSeat[index] ?? '');
  }

  get isComplete(): boolean {
    return this.#taken.size === this.#stepOfSeat.length;
  }

  /** Seats the person if there is a way to. The same person again may fill the steps of both times, and sits once. */
  add(candidate: Candidate): void {
    const { person } = candidate;
    const known = this.#people.get(person);
    if (known === undefined) {
      this.#people.set(person, candidate);
      this.#place(candidate, new Set());
      return;
    }
    const steps = new Set([...known.steps, ...candidate.steps]);
    if (steps.size === known.steps.length) return;
    const both = { person, steps: [...steps] };
    this.#people.set(person, both);
    const seated = new Set(Array.from(this.#taken.values(), (sitting) => sitting.person));
    for (const [seat, sitting] of this.#taken) if (sitting === known) this.#taken.set(seat, both);
    // Who can move makes room for others too.
    for (const other of this.#people.values()) if (!seated.has(other.person)) this.#place(other, new Set());
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
