import type { EntityUid } from '../../core/access/entity.ts';
import { noteUses } from '../../core/store/grant-uses.ts';
import { clockOfReads, type GrantContext } from './context.ts';
import { grantNotFound } from './end-grant.ts';
import { requireFree } from './locked.ts';
import { mayUse } from './use-grant.ts';

/** When a grant was last used, told by whoever decided by it. */
export interface ReportedUse {
  readonly grantId: string;
  readonly agoMs: number;
}

/**
 * Writes down when grants that end unused were last used. Grants that have ended need no more of it.
 * @throws AccessError LOCKED; GRANT_NOT_FOUND for a live grant whose subject the caller may not ask about
 */
export async function reportUses(
  context: GrantContext,
  uses: readonly ReportedUse[],
  caller: EntityUid,
): Promise<void> {
  const now = clockOfReads(context);
  const { replica } = context.followed;
  requireFree(replica, caller, now);
  const latest = new Map<string, Date>();
  for (const { grantId, agoMs } of uses) {
    const grant = replica.grants.get(grantId);
    if (grant === undefined) continue;
    if (!mayUse(replica, grant, caller, now)) throw grantNotFound(grantId);
    // No use lies ahead, nor before the grant's beginning, however long ago it is said to be.
    const usedAt = new Date(Math.max(now.getTime() - Math.max(agoMs, 0), grant.startsAt.getTime()));
    const known = latest.get(grantId);
    if (known === undefined || known < usedAt) latest.set(grantId, usedAt);
  }
  await noteUses(
    context.database,
    Array.from(latest, ([grantId, usedAt]) => ({ grantId, usedAt })),
  );
}
