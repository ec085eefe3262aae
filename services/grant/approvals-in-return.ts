import { AccessError } from '../../core/access/access-error.ts';
import { formatDuration } from '../../core/access/duration.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import { personOf } from '../../core/access/person.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import {
  findInReturnCall,
  readRecentApprovers,
  refuseInReturnCall,
} from '../../core/store/recent-approvals.ts';
import { type Call, send } from '../../core/store/statement.ts';
import type { Trx } from '../../core/store/transition.ts';
import { DecideAgain, type GrantContext } from './context.ts';
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
  const withinMs = longest(answered);
  if (withinMs === 0 || verdict !== 'APPROVE') return [];
  const asked = {
    parties: accountsOf(replica, [request.requester, request.subject]),
    reviewer: accountsOf(replica, [reviewer]),
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

/** Who lately approved requests of somebody, by `personOf`: how long ago, in milliseconds. */
export type Approvers = ReadonlyMap<string, number>;

/** Who approved requests of the caller as lately as one of these requests cares about. @throws AccessError */
export async function readApprovers(
  { database, followed: { replica } }: GrantContext,
  caller: EntityUid,
  requests: readonly AccessRequest[],
): Promise<Approvers> {
  const pending = requests.flatMap(({ items }) => items.filter((item) => item.state === 'PENDING'));
  const withinMs = longest(pending);
  const approvers = new Map<string, number>();
  if (withinMs === 0) return approvers;
  const { directory } = replica;
  for (const { reviewer, agoMs } of await readRecentApprovers(
    database,
    accountsOf(replica, [caller]),
    withinMs,
  )) {
    const person = personOf(directory, reviewer);
    approvers.set(person, Math.min(agoMs, approvers.get(person) ?? Number.POSITIVE_INFINITY));
  }
  return approvers;
}

/** Whether the workflow of the item keeps whom these people approved from approving it, for one of them asks or is asked for. */
export function isKeptApart(
  { directory }: Replica,
  approvers: Approvers,
  { requester, subject }: AccessRequest,
  { workflow: { apartMs = 0 } }: RequestItem,
): boolean {
  return [requester, subject].some(
    (party) => (approvers.get(personOf(directory, party)) ?? Number.POSITIVE_INFINITY) < apartMs,
  );
}

function longest(items: readonly RequestItem[]): number {
  return Math.max(0, ...items.map((item) => item.workflow.apartMs ?? 0));
}

/** The keys of all accounts of the people whose accounts these are. */
function accountsOf({ directory }: Replica, accounts: readonly EntityUid[]): readonly string[] {
  const people = new Set(accounts.map((account) => personOf(directory, account)));
  const keys = new Set(accounts.map(uidKey));
  for (const { uid } of directory.all()) if (people.has(personOf(directory, uid))) keys.add(uidKey(uid));
  return [...keys];
}
