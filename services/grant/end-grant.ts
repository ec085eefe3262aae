import { AccessError, fieldError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid, uidKey } from '../../core/access/entity.ts';
import type { EndReason, LedgerEvent } from '../../core/access/event.ts';
import { checkFreeText } from '../../core/access/free-text.ts';
import type { Grant, GrantStanding } from '../../core/access/grant.ts';
import { requestFactsOf } from '../../core/replica/request-facts.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { endGrant } from '../../core/store/grant-changes.ts';
import { lockGrant, type RecordedGrant } from '../../core/store/grants.ts';
import type { Outcome, Trx } from '../../core/store/transition.ts';
import { by, decide, type Decided, type Finish, type GrantContext, refuse } from './context.ts';
import { lapseGrant, latest } from './lapses.ts';
import { isPermitted, notPermitted, type RightQuestion } from './rights.ts';

/** Gives a grant back. @throws AccessError GRANT_NOT_FOUND, NOT_PERMITTED, GRANT_ENDED */
export async function releaseGrant(
  context: GrantContext,
  id: string,
  caller: EntityUid,
): Promise<Decided<RecordedGrant>> {
  const { replica } = context.followed;
  return await decide(by(context, caller), async (trx) => {
    const found = await lockGrant(trx, id);
    if (found === undefined) throw grantNotFound(id);
    const { row, now } = found;
    if (!maySeeGrant(replica, row.grant, caller, now)) throw grantNotFound(id);
    if (!sameUid(row.grant.subject, caller)) {
      const holder = formatUid(row.grant.subject);
      throw new AccessError(
        'NOT_PERMITTED',
        `only its holder, ${holder}, releases a grant; revoke it instead`,
      );
    }
    return await end(trx, replica, row, { endReason: 'RELEASED', actor: caller, now });
  });
}

/**
 * Takes a grant away. On connections of its own: it works when all else is overloaded.
 * @throws AccessError GRANT_NOT_FOUND, NOT_PERMITTED, GRANT_ENDED, FIELD_INVALID
 */
export async function revokeGrant(
  context: GrantContext,
  id: string,
  { caller, reason }: { readonly caller: EntityUid; readonly reason: string },
): Promise<Decided<RecordedGrant>> {
  requireReason(reason);
  const { replica } = context.followed;
  const work = async (trx: Trx): Promise<Outcome<Finish<RecordedGrant>>> => {
    const found = await lockGrant(trx, id);
    if (found === undefined) throw grantNotFound(id);
    const { row, now } = found;
    const question = grantQuestion('revoke', row.grant, caller, now);
    if (!isPermitted(replica, question)) {
      throw maySeeGrant(replica, row.grant, caller, now) ? notPermitted(question) : grantNotFound(id);
    }
    return await end(trx, replica, row, { endReason: 'REVOKED', actor: caller, now, text: reason });
  };
  return await decide(by(context, caller), work, context.revokeDatabase);
}

/** @throws AccessError FIELD_INVALID */
export function requireReason(reason: string): void {
  const wrong = reason.trim() === '' ? 'seen no text, wanted why' : checkFreeText(reason);
  if (wrong !== undefined) throw fieldError('reason', wrong);
}

export function grantNotFound(id: string): AccessError {
  return new AccessError('GRANT_NOT_FOUND', `id: there is no grant ${id}, or none that you may see`);
}

/** Who may see a grant: its subject, whoever asked for it, and whoever is permitted to view or revoke it. */
export function maySeeGrant(replica: Replica, grant: Grant, caller: EntityUid, now: Date): boolean {
  if ([grant.subject, grant.requester].some((party) => sameUid(party, caller))) return true;
  return (['view', 'revoke'] as const).some((right) =>
    isPermitted(replica, grantQuestion(right, grant, caller, now)),
  );
}

/** The question to the workflows set about a grant: its request as policies saw it. */
export function grantQuestion(
  right: 'view' | 'revoke',
  grant: Grant,
  caller: EntityUid,
  now: Date,
): RightQuestion {
  return {
    right,
    principal: caller,
    resource: grant.resource,
    now,
    request: { ...requestFactsOf(grant), extension: BigInt(grant.extensions) },
  };
}

/** That nothing can be done with a grant any more. */
export function grantEnded({ endReason, endedAt }: Extract<GrantStanding, { state: 'ENDED' }>): AccessError {
  const message = `the grant ended at ${endedAt.toISOString()} (${endReason}); nothing is left of it`;
  return new AccessError('GRANT_ENDED', message, { metadata: { end_reason: endReason } });
}

/** How a grant is ended. */
export interface Ending {
  readonly endReason: Exclude<EndReason, 'EXPIRED'>;
  readonly actor: EntityUid;
  readonly now: Date;
  readonly text?: string;
}

/** Ends a locked grant; one that has ended already is refused, after its lapse is written down. */
async function end(
  trx: Trx,
  replica: Replica,
  found: RecordedGrant,
  ending: Ending,
): Promise<Outcome<Finish<RecordedGrant>>> {
  const { row, events } = await lapseGrant(trx, replica, found, ending.now);
  if (row.recorded.state === 'ENDED') return { events, result: refuse(grantEnded(row.recorded)) };
  const ended = await recordEnd(trx, row, ending);
  return { events: [...events, ended.event], result: () => ended.row };
}

/** Writes the end of a locked, active grant. */
export async function recordEnd(
  trx: Trx,
  row: RecordedGrant,
  { endReason, actor, now, text }: Ending,
): Promise<{ readonly row: RecordedGrant; readonly event: LedgerEvent }> {
  const endedAt = latest(now, row.recorded.state === 'ACTIVE' ? row.grant.startsAt : row.createdAt);
  await endGrant(trx, row.grant.id, { endReason, endedAt });
  const { id: grantId, requestId } = row.grant;
  const event: LedgerEvent = {
    kind: 'GRANT_ENDED',
    at: now,
    actor: uidKey(actor),
    requestId,
    grantId,
    endReason,
    endedAt,
    ...(text === undefined ? {} : { text }),
  };
  return { row: { ...row, recorded: { state: 'ENDED', endReason, endedAt } }, event };
}
