import type { Grant } from '../../core/access/grant.ts';
import type { GrantFacts } from '../../core/policy/curfew-context.ts';

/** What policies see of the grant in `context.grant`. */
export function factsOfGrant(grant: Grant): GrantFacts {
  const { id, workflow, steps, reason, ticket, startsAt, expiresAt } = grant;
  return {
    id,
    workflow,
    steps,
    reason,
    ...(ticket === '' ? {} : { ticket }),
    breakGlass: false,
    startsAt,
    expiresAt,
  };
}
