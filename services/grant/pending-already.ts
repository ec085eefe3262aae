import { formatUid, sameUid, uidKey } from '../../core/access/entity.ts';
import { type AccessRequest, pendingItems, type RequestItem } from '../../core/access/request.ts';
import { listRequests } from '../../core/store/list-requests.ts';
import type { GrantContext } from './context.ts';
import type { Showing } from './present.ts';
import { maySee } from './rights.ts';

/** More than one subject may have open. */
const MOST_READ = 500;

/** For each item that has been asked for already and is pending, as far as the caller may see it, a sentence that says so. */
export async function pendingAlready(
  { database }: GrantContext,
  { replica, caller, now }: Showing,
  request: AccessRequest,
): Promise<readonly string[]> {
  const { subject } = request;
  const filter = { party: uidKey(subject), states: ['PENDING'], now } as const;
  const { rows } = await listRequests(database, filter, { before: undefined, size: MOST_READ });
  const others = rows
    .map((row) => row.request)
    .filter((other) => sameUid(other.subject, subject) && maySee(replica, other, caller, now));
  return request.items.flatMap((item) => {
    const other = others.find((each) => pendingItems(each, now).some((pending) => covers(pending, item)));
    if (other === undefined) return [];
    const what = `${item.actions.map(formatUid).join(', ')} on ${formatUid(item.resource)}`;
    return [`${what} has been asked for already: request ${other.id} is pending`];
  });
}

function covers(pending: RequestItem, item: RequestItem): boolean {
  return (
    sameUid(pending.resource, item.resource) &&
    item.actions.every((action) => pending.actions.some((each) => sameUid(each, action)))
  );
}
