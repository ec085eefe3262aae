import { claimedWindow, type LiveGrant } from '../../core/access/grant.ts';
import type { GrantFacts } from '../../core/policy/curfew-context.ts';

/** What policies see of the grant in `context.grant`; of one that this use would begin, as it would then be. */
export function factsOfGrant(grant: LiveGrant, now: Date): GrantFacts {
  const { id, workflow, steps, reason, ticket, terms } = grant;
  const { startsAt, expiresAt } = grant.state === 'CLAIMABLE' ? claimedWindow(grant, now) : grant;
  return {
    id,
    workflow,
    steps,
    reason,
    ...(ticket === '' ? {} : { ticket }),
    breakGlass: terms.breakGlass,
    startsAt,
    expiresAt,
  };
}
