import type { EntityUid } from '../../core/access/entity.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import { noteUses } from '../../core/store/grant-uses.ts';
import { clockOfReads, type GrantContext } from './context.ts';
import { requireFree } from './locked.ts';
import { isPermitted, notPermitted } from './rights.ts';

/** When a grant was last used, told by whoever decided by it. */
export interface ReportedUse {
  readonly grantId: string;
  readonly agoMs: number;
}

/**
 * Writes down when grants that end unused were last used. Whoever reports must be one who may ask about anybody.
 * @throws AccessError LOCKED, NOT_PERMITTED
 */
export async function reportUses(
  context: GrantContext,
  uses: readonly ReportedUse[],
  caller: EntityUid,
): Promise<void> {
  const now = clockOfReads(context);
  requireFree(context.followed.replica, caller, now);
  const question = { right: 'authorize', principal: caller, resource: SYSTEM, now } as const;
  if (!isPermitted(context.followed.replica, question)) throw notPermitted(question);
  const latest = new Map<string, Date>();
  for (const { grantId, agoMs } of uses) {
    const usedAt = new Date(now.getTime() - Math.max(agoMs, 0));
    const known = latest.get(grantId);
    if (known === undefined || known < usedAt) latest.set(grantId, usedAt);
  }
  await noteUses(
    context.database,
    Array.from(latest, ([grantId, usedAt]) => ({ grantId, usedAt })),
  );
}
