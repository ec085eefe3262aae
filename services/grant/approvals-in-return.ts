import { AccessError } from '../../core/access/access-error.ts';
import { formatDuration } from '../../core/access/duration.ts';
import { type EntityUid, uidKey } from '../../core/access/entity.ts';
import { accountsOf } from '../../core/access/person.ts';
import type { AccessRequest, RequestItem } from '../../core/access/request.ts';
import { servicesOf } from '../../core/replica/owned-services.ts';
import type { Replica } from '../../core/replica/replica.ts';
import type { Database } from '../../core/store/connect.ts';
import {
  type ApprovalsOf,
  type RecentApprover,
  readRecentApprovers,
  refuseOtherApproversCall,
} from '../../core/store/recent-approvals.ts';
import type { Call } from '../../core/store/statement.ts';
import type { Trx } from '../../core/store/transition.ts';
import { DecideAgain } from './context.ts';
import { isParty } from './rights.ts';

/** Who lately approved requests of a person, or of a service that they answer for. */
export type Approvers = readonly RecentApprover[];

/** Who approved requests of the person as lately as one of these requests cares about. @throws AccessError */
export async function readApprovers(
  reader: Database | Trx,
  replica: Replica,
  person: EntityUid,
  requests: readonly AccessRequest[],
): Promise<Approvers> {
  const pending = requests.flatMap(({ items }) => items.filter((item) => item.state === 'PENDING'));
  const withinMs = longest(pending);
  return withinMs === 0 ? [] : await readRecentApprovers(reader, approvalsOf(replica, person, withinMs));
}

/** Whether the workflow of the item keeps whom these people approved from approving it, for one of them asks or is asked for. */
export function isKeptApart(
  replica: Replica,
  approvers: Approvers,
  request: AccessRequest,
  { workflow: { apartMs = 0 } }: RequestItem,
): boolean {
  return approvers.some(({ reviewer, agoMs }) => agoMs < apartMs && isParty(replica, request, reviewer));
}

/** Why whom these people approved does not approve the item. */
export function apartRefusal(
  replica: Replica,
  approvers: Approvers,
  request: AccessRequest,
  item: RequestItem,
): AccessError | undefined {
  if (!isKeptApart(replica, approvers, request, item)) return undefined;
  const within = formatDuration(item.workflow.apartMs ?? 0);
  const message = `items[${item.item}]: requester or subject approved a request of yours within ${within}, and this workflow keeps such people apart (@apart); somebody else has to review`;
  return new AccessError('NOT_A_REVIEWER', message);
}

/** Of an approval that was found good, to be sent after its append: two may approve each other at the same moment. */
export function guardsOf(
  replica: Replica,
  request: AccessRequest,
  vote: {
    readonly reviewer: EntityUid;
    readonly answered: readonly RequestItem[];
    readonly approvers: Approvers;
  },
): readonly Call[] {
  const withinMs = longest(vote.answered);
  if (withinMs === 0) return [];
  const strangers = vote.approvers.filter(({ reviewer }) => !isParty(replica, request, reviewer));
  return [
    refuseOtherApproversCall(
      approvalsOf(replica, vote.reviewer, withinMs),
      strangers.map(({ reviewer }) => uidKey(reviewer)),
      () => new DecideAgain('somebody approved a request of the reviewer at the same moment'),
    ),
  ];
}

function longest(items: readonly RequestItem[]): number {
  return Math.max(0, ...items.map((item) => item.workflow.apartMs ?? 0));
}

function approvalsOf(replica: Replica, person: EntityUid, withinMs: number): ApprovalsOf {
  const accounts = accountsOf(replica.directory, person).map(uidKey);
  return { parties: [...accounts, ...servicesOf(replica, person)], withinMs };
}
