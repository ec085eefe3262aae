import { type RawBuilder, sql } from 'kysely';
import { IDLE_GRACE_MS } from '../access/grant.ts';

/** That an active grant has not lain unused for too long, by the database's clock; the same as `lapseOf` says. */
export const NOT_IDLE = `(
  idle_ms IS NULL OR greatest(starts_at, last_used_at) + (idle_ms + ${IDLE_GRACE_MS}) * interval '1 millisecond' > clock_timestamp()
)`;

/** The same for a grant in any state: one that waits for its first use lies unused in no way. */
export function notIdle(): RawBuilder<boolean> {
  return sql<boolean>`(state = 'CLAIMABLE' OR ${sql.raw(NOT_IDLE)})`;
}
