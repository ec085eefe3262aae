import { formatDuration } from '../../core/access/duration.ts';
import { SYSTEM_ACTOR } from '../../core/access/event.ts';
import type { Grant } from '../../core/access/grant.ts';
import type { AccessRequest, Extension, RequestItem } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { extendGrant } from '../../core/store/grant-changes.ts';
import { lockGrant } from '../../core/store/grants.ts';
import type { Trx } from '../../core/store/transition.ts';
import type { Approved } from './approve-item.ts';
import type { CountedVotes } from './counted-votes.ts';
import { lapseGrant } from './lapses.ts';

/** An extension that everybody needed has agreed to. */
export interface ApprovedExtension {
  readonly request: AccessRequest;
  readonly item: RequestItem;
  readonly extends: Extension;
  readonly votes: CountedVotes;
  readonly now: Date;
}

/** Lets the grant last longer. One that has ended meanwhile stays ended: the item is denied. */
export async function applyExtension(
  trx: Trx,
  replica: Replica,
  { request, item, extends: { grantId, extension }, votes, now }: ApprovedExtension,
): Promise<Approved> {
  const found = await lockGrant(trx, grantId);
  if (found === undefined) return { deniedBecause: `there is no grant ${grantId}`, events: [] };
  const { row, events } = await lapseGrant(trx, replica, found.row, now);
  if (row.recorded.state !== 'ACTIVE')
    return { deniedBecause: `the grant is ${row.recorded.state}, an extension wants it ACTIVE`, events };
  const expiresAt = new Date(row.grant.expiresAt.getTime() + votes.terms.durationMs);
  const refused = extensionRefusal(row.grant, Math.min(item.workflow.maxMs, row.maxMs), {
    extension,
    expiresAt,
  });
  if (refused !== undefined) return { deniedBecause: refused, events };
  await extendGrant(trx, grantId, { expiresAt, extension });
  const extended = {
    kind: 'GRANT_EXTENDED',
    at: now,
    actor: SYSTEM_ACTOR,
    requestId: request.id,
    grantId,
    expiresAt,
    extension,
  } as const;
  return { grantId, events: [...events, extended] };
}

/** Why a grant may not be extended so; undefined when it may. @param maxMs the longest without extensions */
export function extensionRefusal(
  grant: Pick<Grant, 'startsAt' | 'extensions' | 'terms'>,
  maxMs: number,
  { extension, expiresAt }: { readonly extension: number; readonly expiresAt: Date },
): string | undefined {
  const { maxExtensions } = grant.terms;
  if (extension !== grant.extensions + 1 || extension > maxExtensions) {
    return `the grant was extended ${grant.extensions} times of at most ${maxExtensions}`;
  }
  const totalMs = expiresAt.getTime() - grant.startsAt.getTime();
  const mostMs = maxMs * (1 + extension);
  if (totalMs <= mostMs) return undefined;
  return `the grant would last ${formatDuration(totalMs)}, wanted at most ${formatDuration(mostMs)} with ${extension} extensions`;
}
