import { AccessError } from '../../core/access/access-error.ts';
import { type EntityUid, formatUid, sameUid } from '../../core/access/entity.ts';
import { lockGrant, type RecordedGrant } from '../../core/store/grants.ts';
import { by, decide, type Decided, type GrantContext, refuse } from './context.ts';
import { grantEnded, grantNotFound, maySeeGrant } from './end-grant.ts';
import { lapseGrant } from './lapses.ts';
import { lettingInOf, requireOpen } from './locked.ts';
import { claim } from './use-grant.ts';

/** Begins a claimable grant before its first use. @throws AccessError GRANT_NOT_FOUND, NOT_PERMITTED, GRANT_STATE, GRANT_ENDED, LOCKED */
export async function activateGrant(
  context: GrantContext,
  id: string,
  caller: EntityUid,
): Promise<Decided<RecordedGrant>> {
  const { replica } = context.followed;
  return await decide(by(context, caller), async (trx) => {
    const found = await lockGrant(trx, id);
    if (found === undefined) throw grantNotFound(id);
    const { now } = found;
    if (!maySeeGrant(replica, found.row.grant, caller, now)) throw grantNotFound(id);
    if (!sameUid(found.row.grant.subject, caller)) {
      const holder = formatUid(found.row.grant.subject);
      throw new AccessError('NOT_PERMITTED', `only its holder, ${holder}, activates a grant`);
    }
    requireOpen(replica, lettingInOf(found.row.grant), now);
    const { row, events } = await lapseGrant(trx, replica, found.row, now);
    if (row.recorded.state === 'ENDED') return { events, result: refuse(grantEnded(row.recorded)) };
    if (row.recorded.state !== 'CLAIMABLE') return { events, result: refuse(notClaimable(row)) };
    const begun = await claim(trx, replica, row, { actor: caller, now });
    const all = [...events, ...begun.events];
    if (begun.row.recorded.state === 'ENDED')
      return { events: all, result: refuse(grantEnded(begun.row.recorded)) };
    return { events: all, result: () => begun.row };
  });
}

function notClaimable({ grant, recorded }: RecordedGrant): AccessError {
  const window = `from ${grant.startsAt.toISOString()} to ${grant.expiresAt.toISOString()}`;
  const message = `the grant is ${recorded.state}, ${window}; activating wants it CLAIMABLE: there is nothing to do`;
  return new AccessError('GRANT_STATE', message, { metadata: { state: recorded.state } });
}
