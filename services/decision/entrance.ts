import { AccessError } from '../../core/access/access-error.ts';
import type { LiveGrant } from '../../core/access/grant.ts';
import { beginningOf } from '../../core/replica/eligible.ts';
import { type Eligibility, keptStanding } from '../../core/replica/let-in.ts';
import { evaluationFailed } from '../../core/replica/rights.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { GRANTS_SHUT_OUT } from './limits.ts';
import type { Moment } from './moment.ts';

/** Whether the workflows of a question's grants still let their holder in: a grant whose workflow does not is not live. */
export interface Entrance {
  readonly isOpenTo: (grant: LiveGrant) => boolean;
  /** Whether so many were shut out that no more are asked about. */
  readonly isSpent: () => boolean;
  /** @throws AccessError EVALUATION_FAILED when the engine gave no answer about one */
  readonly requireAnswered: () => void;
}

/** Looks for one question; nothing is asked before somebody wants to know. */
export function lookAtEntrance(replica: Replica, moment: Moment): Entrance {
  const shutOut = new Set<LiveGrant>();
  let hasFailed = false;
  return {
    isOpenTo(grant) {
      if (shutOut.has(grant) || shutOut.size >= GRANTS_SHUT_OUT) return false;
      const found = standingAt(replica, grant, moment);
      if (found === 'unknown') hasFailed = true;
      if (found !== 'in') shutOut.add(grant);
      return found === 'in';
    },
    isSpent: () => shutOut.size >= GRANTS_SHUT_OUT,
    requireAnswered() {
      if (hasFailed) throw evaluationFailed('the engine failed on whether a workflow lets somebody in');
    },
  };
}

/** A grant that waits for its start, which has come, or for its first use, begins here if it still may. */
function standingAt(replica: Replica, grant: LiveGrant, moment: Moment): Eligibility {
  try {
    if (grant.state !== 'ACTIVE' && !mayBegin(replica, grant, moment)) return 'out';
  } catch (error) {
    if (error instanceof AccessError && error.reason === 'EVALUATION_FAILED') return 'unknown';
    throw error;
  }
  return keptStanding(replica, grant);
}

/** By the earliest that it may be as well: a lock must not end before its time. */
function mayBegin(replica: Replica, grant: LiveGrant, { now, early }: Moment): boolean {
  return early !== undefined && [early, now].every((at) => beginningOf(replica, grant, at) === 'in');
}
