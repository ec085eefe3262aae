import { type EntityUid, parseUidKey, uidKey } from '../../core/access/entity.ts';
import { type ItemTerms, narrowedTerms } from '../../core/access/narrowing.ts';
import { type AccessRequest, type RequestItem, type Review, votesOn } from '../../core/access/request.ts';
import { type Candidate, seat, type Seating } from '../../core/access/seats.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { fillableSteps } from './rights.ts';

/** The approvals of an item that count now, and what they come to. */
export interface CountedVotes {
  readonly approvals: readonly Review[];
  readonly seating: Seating;
  /** What its grant would be. */
  readonly terms: ItemTerms;
}

/** Counts the approvals of people who may still fill a step, one seat each. */
export function countVotes(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  now: Date,
): CountedVotes {
  const voters = votesOn(request, item.item)
    .filter((review) => review.verdict === 'APPROVE')
    .map((review) => ({ review, candidate: candidateOf(replica, request, item, review.reviewer, now) }))
    .filter(({ candidate }) => candidate.steps.length > 0);
  const approvals = voters.map(({ review }) => review);
  return {
    approvals,
    seating: seat(
      item.workflow.steps,
      voters.map(({ candidate }) => candidate),
    ),
    terms: narrowedTerms(
      request,
      item,
      approvals.map(({ narrowing }) => narrowing),
    ),
  };
}

function candidateOf(
  replica: Replica,
  request: AccessRequest,
  item: RequestItem,
  reviewer: EntityUid,
  now: Date,
): Candidate {
  return { person: uidKey(reviewer), steps: fillableSteps(replica, request, item, reviewer, now) };
}

/** Who fills the seats. */
export function seatedPeople({ filledBy }: Seating): readonly EntityUid[] {
  return [...filledBy.values()].flat().map(parseUidKey);
}
