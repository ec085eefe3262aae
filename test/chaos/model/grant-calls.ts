import { standingOf } from '../../../core/access/grant.ts';
import type { LiveState } from '../../../core/access/grant.ts';
import type { LockTarget } from '../../../core/access/lock.ts';
import type { EndReason } from '../../../core/access/event.ts';
import { readGrant } from '../../../core/store/grants.ts';
import { activateGrant } from '../../../services/grant/activate-grant.ts';
import type { GrantContext } from '../../../services/grant/context.ts';
import { createLock } from '../../../services/grant/create-lock.ts';
import { deleteLock } from '../../../services/grant/delete-lock.ts';
import { releaseGrant, revokeGrant } from '../../../services/grant/end-grant.ts';
import { reportUses } from '../../../services/grant/report-uses.ts';
import { MINUTE_MS, robot, user } from './entities.ts';

/** What a grant shows. */
export interface SeenGrant {
  readonly state: LiveState | 'ENDED';
  readonly endReason: EndReason | undefined;
  readonly approvers: readonly string[];
  readonly actions: readonly string[];
  readonly minutes: number;
  readonly usesLeft: number | undefined;
  readonly extensions: number;
}

export async function seenGrant(context: GrantContext, id: string): Promise<SeenGrant> {
  const row = await readGrant(context.database, id);
  if (row === undefined) throw new Error(`grant ${id} is gone`);
  const { grant, recorded } = row;
  const standing = standingOf(recorded, grant, context.followed.clock.now());
  const isWaiting =
    standing.state === 'CLAIMABLE' || (standing.state === 'ENDED' && standing.endReason === 'UNCLAIMED');
  return {
    state: standing.state,
    endReason: standing.state === 'ENDED' ? standing.endReason : undefined,
    approvers: grant.approvers.map((approver) => approver.id).toSorted(),
    actions: grant.actions.map(({ id: name }) => name).toSorted(),
    minutes: Math.round(
      (isWaiting ? grant.durationMs : grant.expiresAt.getTime() - grant.startsAt.getTime()) / MINUTE_MS,
    ),
    usesLeft: grant.usesLeft,
    extensions: grant.extensions,
  };
}

export async function release(context: GrantContext, by: string, grantId: string): Promise<void> {
  await releaseGrant(context, grantId, user(by));
}

export async function revoke(context: GrantContext, by: string, grantId: string): Promise<void> {
  await revokeGrant(context, grantId, { caller: user(by), reason: 'enough' });
}

export async function activate(context: GrantContext, by: string, grantId: string): Promise<void> {
  await activateGrant(context, grantId, user(by));
}

/** Tells of a use of it, so many minutes ago. */
export async function report(context: GrantContext, grantId: string, agoMinutes: number): Promise<void> {
  await reportUses(context, [{ grantId, agoMs: agoMinutes * MINUTE_MS }], robot);
}

/** @returns the lock's id */
export async function lock(
  context: GrantContext,
  by: string,
  { target, minutes }: { readonly target: LockTarget; readonly minutes: number | undefined },
): Promise<string> {
  const durationMs = minutes === undefined ? undefined : minutes * MINUTE_MS;
  const asked = { target, caller: user(by), reason: 'to be sure', durationMs };
  return (await createLock(context, asked)).result.id;
}

export async function unlock(context: GrantContext, by: string, id: string): Promise<void> {
  await deleteLock(context, { id, caller: user(by), reason: 'all is well' });
}
