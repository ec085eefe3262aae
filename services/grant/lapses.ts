import { type LedgerEvent, SYSTEM_ACTOR } from '../../core/access/event.ts';
import { type GrantStanding, lapseOf, standingOf } from '../../core/access/grant.ts';
import { type AccessRequest, itemStateAt } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { endGrant, openGrant } from '../../core/store/grant-changes.ts';
import type { RecordedGrant } from '../../core/store/grants.ts';
import { resolveItems } from '../../core/store/request-changes.ts';
import type { Trx } from '../../core/store/transition.ts';
import { lettingInOf, lockAgainst } from './locked.ts';
import { beginningOf } from './rights.ts';

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

/** Writes down what time has done to a locked grant: that it has begun, if its subject is still let in, and that it is over. */
export async function lapseGrant(
  trx: Trx,
  replica: Replica,
  row: RecordedGrant,
  now: Date,
): Promise<Lapsed<RecordedGrant>> {
  const begun = await openWhenDue(trx, replica, row, now);
  const standing = standingOf(begun.row.recorded, begun.row.grant, now);
  if (standing.state !== 'ENDED' || begun.row.recorded.state === 'ENDED') return begun;
  const ended = await recordLapse(trx, begun.row, standing, now);
  return { row: ended.row, events: [...begun.events, ...ended.events] };
}

async function openWhenDue(
  trx: Trx,
  replica: Replica,
  row: RecordedGrant,
  now: Date,
): Promise<Lapsed<RecordedGrant>> {
  const { grant, recorded } = row;
  if (recorded.state !== 'SCHEDULED' || now < grant.startsAt) return { row, events: [] };
  // A lock ends: what waits behind it waits on.
  const isHeld = lockAgainst(replica, lettingInOf(grant), now) !== undefined;
  // Whether its subject was still let in when it began is not known any more once it is over.
  const isOver = now >= lapseOf('SCHEDULED', grant).endedAt;
  const begins = isOver ? 'in' : isHeld ? 'held' : beginningOf(replica, grant, now);
  if (begins === 'held') return { row, events: [] };
  if (begins === 'out') {
    const refused = { state: 'ENDED', endReason: 'INELIGIBLE', endedAt: grant.startsAt } as const;
    return await recordLapse(trx, row, refused, now);
  }
  await openGrant(trx, grant.id);
  const { id: grantId, requestId } = grant;
  return {
    row: { ...row, recorded: { state: 'ACTIVE' } },
    events: [{ kind: 'GRANT_OPENED', at: now, actor: SYSTEM_ACTOR, requestId, grantId }],
  };
}

/** A clock that was set back must not end a grant before there was one. */
export function latest(one: Date, other: Date): Date {
  return one > other ? one : other;
}

type Ended = Extract<GrantStanding, { readonly state: 'ENDED' }>;

/** Writes that a locked grant has ended by itself. */
export async function recordLapse(
  trx: Trx,
  row: RecordedGrant,
  ended: Ended,
  now: Date,
): Promise<Lapsed<RecordedGrant>> {
  const { endReason } = ended;
  const { id: grantId, requestId } = row.grant;
  const endedAt = latest(ended.endedAt, row.createdAt);
  await endGrant(trx, grantId, { endReason, endedAt });
  return {
    row: { ...row, recorded: { ...ended, endedAt } },
    events: [{ kind: 'GRANT_ENDED', at: now, actor: SYSTEM_ACTOR, requestId, grantId, endReason, endedAt }],
  };
}
