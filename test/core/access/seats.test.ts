import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, seat, Seats } from '../../../core/access/seats.ts';
import type { Step } from '../../../core/access/workflow.ts';

const NAMES = ['a', 'b', 'c'];

const arbitrarySteps: fc.Arbitrary<Step[]> = fc.uniqueArray(
  fc.record({ name: fc.constantFrom(...NAMES), seats: fc.integer({ min: 1, max: 3 }) }),
  { selector: (step) => step.name, minLength: 1 },
);
const arbitraryCandidates: fc.Arbitrary<Candidate[]> = fc.uniqueArray(
  fc.record({
    person: fc.constantFrom(...Array.from('pqrstuv')),
    steps: fc.uniqueArray(fc.constantFrom(...NAMES)),
  }),
  { selector: (candidate) => candidate.person },
);

/** The most seats that can be filled, by trying every way. */
function most(seats: readonly string[], candidates: readonly Candidate[]): number {
  const [first, ...rest] = seats;
  if (first === undefined) return 0;
  const filled = candidates
    .filter((candidate) => candidate.steps.includes(first))
    .map(
      (chosen) =>
        1 +
        most(
          rest,
          candidates.filter((it) => it !== chosen),
        ),
    );
  return Math.max(most(rest, candidates), ...filled);
}

describe('seating', () => {
  it('fills as many seats as any way of seating could', () => {
    fc.assert(
      fc.property(arbitrarySteps, arbitraryCandidates, (steps, candidates) => {
        const seats = steps.flatMap((step) => Array.from({ length: step.seats }, () => step.name));
        const { filledBy, isComplete } = seat(steps, candidates);
        const filled = [...filledBy.values()].flat().length;
        expect(filled).toBe(most(seats, candidates));
        expect(isComplete).toBe(filled === seats.length);
      }),
    );
  });

  it('I5 seats nobody twice, nobody where they may not sit, and no more than a step has seats', () => {
    fc.assert(
      fc.property(arbitrarySteps, arbitraryCandidates, (steps, candidates) => {
        const { filledBy } = seat(steps, candidates);
        const people = [...filledBy.values()].flat();
        expect(new Set(people).size).toBe(people.length);
        for (const [step, persons] of filledBy) {
          expect(persons.length).toBeLessThanOrEqual(steps.find((it) => it.name === step)?.seats ?? 0);
          for (const person of persons)
            expect(candidates.find((it) => it.person === person)?.steps).toContain(step);
        }
      }),
    );
  });

  it('counts one person once, however often they come', () => {
    const seats = new Seats([{ name: 'security', seats: 2 }]);
    seats.add({ person: 'dee', steps: ['security'] });
    seats.add({ person: 'dee', steps: ['security'] });
    expect(seats.isComplete).toBe(false);
  });

  it('W2 a person with several accounts may fill what any of these may, and others are seated as if it were one', () => {
    const accounts = fc.array(
      fc.record({
        person: fc.constantFrom(...Array.from('pqrs')),
        steps: fc.uniqueArray(fc.constantFrom(...NAMES)),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(arbitrarySteps, accounts, (steps, candidates) => {
        const merged = [...Map.groupBy(candidates, ({ person }) => person)].map(([person, own]) => ({
          person,
          steps: [...new Set(own.flatMap((it) => it.steps))],
        }));
        const seats = new Seats(steps);
        for (const candidate of candidates) seats.add(candidate);
        const { filledBy } = seats.seating();
        const wanted = seat(steps, merged);
        expect([...filledBy.values()].flat().length).toBe([...wanted.filledBy.values()].flat().length);
        expect(seats.isComplete).toBe(wanted.isComplete);
        for (const [step, people] of filledBy)
          for (const person of people)
            expect(merged.find((it) => it.person === person)?.steps).toContain(step);
      }),
    );
  });

  it('moves a person who could fill two steps to the one that nobody else fills', () => {
    const { isComplete, filledBy } = seat(
      [
        { name: 'owner', seats: 1 },
        { name: 'security', seats: 1 },
      ],
      [
        { person: 'cy', steps: ['owner', 'security'] },
        { person: 'bob', steps: ['owner'] },
      ],
    );
    expect(isComplete).toBe(true);
    expect(Object.fromEntries(filledBy)).toEqual({ owner: ['bob'], security: ['cy'] });
  });
});
