import type { LedgerEvent } from '../../core/access/event.ts';
import { SYSTEM_ACTOR } from '../../core/access/event.ts';
import { standingOf } from '../../core/access/grant.ts';
import { type AccessRequest, itemStateAt } from '../../core/access/request.ts';
import { endGrant, type RecordedGrant } from '../../core/store/grants.ts';
import { resolveItems } from '../../core/store/request-changes.ts';
import type { Trx } from '../../core/store/transition.ts';

/** A row as it is after its lapses are written down, and the events that say so. */
export interface Lapsed<T> {
  readonly row: T;
  readonly events: readonly LedgerEvent[];
}

/** Writes down which items of a locked request nobody answered in time. */
export async function lapseRequest(
  trx: Trx,
  request: AccessRequest,
  now: Date,
): Promise<Lapsed<AccessRequest>> {
  const lapsed = request.items.filter((item) => item.state !== itemStateAt(item, now));
  const row = await resolveItems(
    trx,
    request,
    lapsed.map((item) => ({ item: item.item, state: 'EXPIRED', at: item.expiresAt })),
  );
  const events = lapsed.map(
    (item): LedgerEvent => ({
      kind: 'ITEM_EXPIRED',
      at: now,
      actor: SYSTEM_ACTOR,
      requestId: request.id,
      item: item.item,
      lapsedAt: item.expiresAt,
    }),
  );
  return { row, events };
}

/** Writes down that a locked grant's time was up. */
export async function lapseGrant(trx: Trx, row: RecordedGrant, now: Date): Promise<Lapsed<RecordedGrant>> {
  const standing = standingOf(row.recorded, row.grant.expiresAt, now);
  if (standing.state === 'ACTIVE' || row.recorded.state === 'ENDED') return { row, events: [] };
  const { endReason, endedAt } = standing;
  await endGrant(trx, row.grant.id, { endReason, endedAt });
  const { id: grantId, requestId } = row.grant;
  const event: LedgerEvent = {
    kind: 'GRANT_ENDED',
    at: now,
    actor: SYSTEM_ACTOR,
    requestId,
    grantId,
    endReason,
    endedAt,
  };
  return { row: { ...row, recorded: standing }, events: [event] };
}
