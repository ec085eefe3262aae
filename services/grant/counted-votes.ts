import { type ItemTerms, narrowedTerms } from '../../core/access/narrowing.ts';
import { personOf } from '../../core/access/person.ts';
import { type AccessRequest, type RequestItem, type Review, votesOn } from '../../core/access/request.ts';
import { type Candidate, seat } from '../../core/access/seats.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { type Fillable, fillable } from './rights.ts';

/** An approval that counts, with what it may fill. */
export interface CountedReview extends Review, Fillable {}

/** The approvals of an item that count now, and what they come to. */
export interface CountedVotes {
  readonly approvals: readonly CountedReview[];
  /** Whether every seat is filled. */
  readonly isComplete: boolean;
  /** By step, whose approvals fill its seats. */
  readonly filledBy: ReadonlyMap<string, readonly CountedReview[]>;
  /** What its grant would be. */
  readonly terms: ItemTerms;
}

/**
 * Counts the approvals of people who may still fill a step, one seat each, however many accounts they have. Policies see the time and
 * the sign-in that each was cast with: what else changed since counts.
 */
export function countVotes(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  now: Date,
): CountedVotes {
  const voters = votesOn(request, item.item)
    .filter((review) => review.verdict === 'APPROVE')
    .map((cast): CountedReview & Candidate => ({
      ...cast,
      ...fillable(replica, request, item, { reviewer: cast.reviewer, cast }, now),
      person: personOf(replica.directory, cast.reviewer),
    }))
    .filter(({ steps }) => steps.length > 0);
  const { isComplete, filledBy } = seat(item.workflow.steps, voters);
  // Of several accounts of a person, one that may fill the step.
  const voteOf = (step: string, by: string): readonly CountedReview[] =>
    voters.filter(({ person, steps }) => person === by && steps.includes(step)).slice(0, 1);
  return {
    approvals: voters,
    isComplete,
    filledBy: new Map(
      Array.from(filledBy, ([step, people]) => [step, people.flatMap((person) => voteOf(step, person))]),
    ),
    terms: narrowedTerms(
      request,
      item,
      voters.map(({ narrowing }) => narrowing),
    ),
  };
}
