import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, sameUid, uidKey } from '../../core/access/entity.ts';
import type { LedgerEvent } from '../../core/access/event.ts';
import { claimedWindow, type Grant } from '../../core/access/grant.ts';
import { SYSTEM } from '../../core/policy/schema-shape.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { claimGrant } from '../../core/store/grant-changes.ts';
import { countUse, lockGrantForUse, noteUses } from '../../core/store/grant-uses.ts';
import type { RecordedGrant } from '../../core/store/grants.ts';
import type { Outcome, Trx } from '../../core/store/transition.ts';
import { by, decide, type Decided, type Finish, type GrantContext, refuse } from './context.ts';
import { grantEnded, grantNotFound } from './end-grant.ts';
import { type Lapsed, lapseGrant, latest, recordLapse } from './lapses.ts';
import { heldBack, lettingInOf, requireOpen } from './locked.ts';
import { beginningOf, isPermitted } from './rights.ts';

/** One use of a grant, by whoever asks about its subject. */
export interface GrantUse {
  readonly grantId: string;
  /** The same again is the same use. */
  readonly useId: string;
  /** Others of the subject's grants: what one of them counted is no use of this one. */
  readonly otherIds: readonly string[];
  readonly caller: EntityUid;
}

/** That the grant may permit for the use, or which other counted it, so that this one may not. */
export type UseAnswer =
  | ({ readonly kind: 'acknowledged' } & Acknowledged)
  | { readonly kind: 'counted-by'; readonly grantId: string };

interface Acknowledged {
  readonly startsAt: Date;
  readonly expiresAt: Date;
  readonly usesLeft: number | undefined;
}

/**
 * Takes one use of a grant before it permits: the first begins a claimable one, each is counted once where uses are counted, and the
 * last one ends it. A use that another of the subject's grants counted is taken of none.
 * @throws AccessError GRANT_NOT_FOUND, GRANT_STATE before its start, GRANT_ENDED, LOCKED
 */
export async function useGrant(context: GrantContext, use: GrantUse): Promise<Decided<UseAnswer>> {
  const { replica } = context.followed;
  return await decide(by(context, use.caller), async (trx): Promise<Outcome<Finish<UseAnswer>>> => {
    const found = await lockGrantForUse(trx, use);
    if (found === undefined || !mayUse(replica, found.row.grant, use.caller, found.now))
      throw grantNotFound(use.grantId);
    const { countedBy, now } = found;
    if (countedBy !== undefined && countedBy !== use.grantId)
      return { events: [], result: () => ({ kind: 'counted-by', grantId: countedBy }) };
    requireOpen(replica, lettingInOf(found.row.grant), now);
    const { row, events } = await lapseGrant(trx, replica, found.row, now);
    const { recorded } = row;
    if (countedBy !== undefined && mayRepeat(row, now)) return { events, result: () => acknowledged(row) };
    if (recorded.state === 'SCHEDULED') return { events, result: refuse(notBegun(replica, row, now)) };
    const begun =
      recorded.state === 'CLAIMABLE'
        ? await claim(trx, replica, row, { actor: use.caller, now })
        : { row, events: [] };
    if (begun.row.recorded.state === 'ENDED')
      return { events: [...events, ...begun.events], result: refuse(grantEnded(begun.row.recorded)) };
    const used = await count(trx, begun.row, use, now);
    return { events: [...events, ...begun.events, ...used.events], result: () => acknowledged(used.row) };
  });
}

/** A use that was taken before permits again for as long as the grant would last if uses did not end it. */
function mayRepeat({ grant, recorded }: RecordedGrant, now: Date): boolean {
  return recorded.state !== 'ENDED' || (recorded.endReason === 'EXHAUSTED' && now < grant.expiresAt);
}

function notBegun(replica: Replica, { grant, recorded: { state } }: RecordedGrant, now: Date): AccessError {
  if (now >= grant.startsAt) return heldBack(replica, grant, now);
  const message = `the grant is ${state}, a use wants it begun: it begins at ${grant.startsAt.toISOString()}`;
  return new AccessError('GRANT_STATE', message, { metadata: { state } });
}

/** Whoever may ask about the subject may use its grants. */
export function mayUse(
  replica: Replica,
  { subject }: Pick<Grant, 'subject'>,
  caller: EntityUid,
  now: Date,
): boolean {
  if (sameUid(caller, subject)) return true;
  return [SYSTEM, subject].some((resource) =>
    isPermitted(replica, { right: 'authorize', principal: caller, resource, now }),
  );
}

function acknowledged({ grant: { startsAt, expiresAt, usesLeft } }: RecordedGrant): UseAnswer {
  return { kind: 'acknowledged', startsAt, expiresAt, usesLeft };
}

/** Begins a locked claimable grant, or ends it when its subject is no longer let in. @throws AccessError LOCKED, EVALUATION_FAILED */
export async function claim(
  trx: Trx,
  replica: Replica,
  row: RecordedGrant,
  { actor, now }: { readonly actor: EntityUid; readonly now: Date },
): Promise<Lapsed<RecordedGrant>> {
  const { grant } = row;
  const about = { at: now, requestId: grant.requestId, grantId: grant.id };
  const begins = beginningOf(replica, grant, now);
  if (begins === 'held') throw heldBack(replica, grant, now);
  if (begins === 'out')
    return await recordLapse(trx, row, { state: 'ENDED', endReason: 'INELIGIBLE', endedAt: now }, now);
  const window = claimedWindow(grant, now);
  await claimGrant(trx, grant.id, window);
  return {
    row: { ...row, recorded: { state: 'ACTIVE' }, grant: { ...grant, ...window } },
    events: [{ kind: 'GRANT_CLAIMED', actor: uidKey(actor), ...about, ...window }],
  };
}

async function count(
  trx: Trx,
  row: RecordedGrant,
  { useId, caller }: GrantUse,
  now: Date,
): Promise<Lapsed<RecordedGrant>> {
  const { grant } = row;
  if (grant.terms.idleMs !== undefined) await noteUses(trx, [{ grantId: grant.id, usedAt: now }]);
  const { usesLeft } = grant;
  if (usesLeft === undefined) return { row, events: [] };
  await countUse(trx, grant.id, { useId, usedAt: now, usesLeft });
  const left = usesLeft - 1;
  const about = { at: now, requestId: grant.requestId, grantId: grant.id };
  const used: LedgerEvent = { kind: 'GRANT_USED', actor: uidKey(caller), ...about, useId, usesLeft: left };
  const after = { ...row, grant: { ...grant, usesLeft: left } };
  if (left > 0) return { row: after, events: [used] };
  const end = { state: 'ENDED', endReason: 'EXHAUSTED', endedAt: latest(now, grant.startsAt) } as const;
  const ended = await recordLapse(trx, after, end, now);
  return { row: after, events: [used, ...ended.events] };
}
