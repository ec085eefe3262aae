import { AccessError } from '../../core/access/access-error.ts';
import { formatDuration } from '../../core/access/duration.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import { samePerson } from '../../core/access/person.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { findInReturnCall, refuseInReturnCall } from '../../core/store/recent-approvals.ts';
import { type Call, send } from '../../core/store/statement.ts';
import type { Trx } from '../../core/store/transition.ts';
import { DecideAgain } from './context.ts';
import type { Vote } from './review-access-request.ts';

/**
 * Refuses an approval where a workflow keeps people `@apart`: of somebody whose own request one of the parties approved lately. What it
 * hands back is to be sent after the append, because two may approve each other at the same moment.
 */
export async function checkInReturn(
  trx: Trx,
  replica: Replica,
  request: AccessRequest,
  {
    reviewer,
    verdict,
    answered,
  }: Pick<Vote, 'reviewer' | 'verdict'> & { readonly answered: readonly RequestItem[] },
): Promise<AccessError | readonly Call[]> {
  const withinMs = Math.max(0, ...answered.map((item) => item.workflow.apartMs ?? 0));
  if (withinMs === 0 || verdict !== 'APPROVE') return [];
  const asked = {
    parties: [...accountsOf(replica, request.requester), ...accountsOf(replica, request.subject)],
    reviewer: accountsOf(replica, reviewer),
    withinMs,
  };
  const finding = findInReturnCall(asked);
  await send(trx, finding);
  if (finding.rows.some(({ found }) => found)) {
    const message = `requester or subject approved a request of yours within ${formatDuration(withinMs)}, and this workflow keeps such people apart (@apart); somebody else has to review`;
    return new AccessError('NOT_A_REVIEWER', message);
  }
  return [
    refuseInReturnCall(asked, () => new DecideAgain('the parties approved each other at the same moment')),
  ];
}

/** The keys of all accounts of whoever's account it is. */
function accountsOf({ directory }: Replica, account: EntityUid): readonly string[] {
  const others = Array.from(directory.all(), ({ uid }) => uid).filter(
    (uid) => uid.type === account.type && samePerson(directory, uid, account),
  );
  return [...new Set([account, ...others].map(uidKey))];
}
