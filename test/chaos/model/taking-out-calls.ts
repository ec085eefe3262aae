import { create } from '@bufbuild/protobuf';
import {
  type RevokeGrantsRequest,
  RevokeGrantsRequestSchema,
} from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import type { GrantContext } from '../../../services/grant/context.ts';
import { offboard as offboarded } from '../../../services/grant/offboard.ts';
import { revokeGrants } from '../../../services/grant/revoke-grants.ts';
import { user } from './entities.ts';

/** Which grants are taken away. */
export type Selector =
  | { readonly by: 'all' }
  | { readonly by: 'subject' | 'resource' | 'workflow'; readonly id: string };

/** gRPC's FAILED_PRECONDITION: it had ended by the clock. */
const HAD_ENDED = 9;

/** @returns the ids of what has ended and of what was refused, apart from what had ended already */
export async function revokeMany(
  context: GrantContext,
  by: string,
  selector: Selector,
): Promise<{ readonly ended: readonly string[]; readonly refused: readonly string[] }> {
  const call = { caller: user(by), signal: new AbortController().signal, log: { error: () => undefined } };
  const { ended = [], failed = [] } = await revokeGrants(context, messageOf(selector), call);
  const refused = failed.filter(({ status }) => status?.code !== HAD_ENDED);
  return { ended: idsOf(ended), refused: idsOf(refused) };
}

function messageOf(selector: Selector): RevokeGrantsRequest {
  const reason = 'enough of all of them';
  switch (selector.by) {
    case 'all':
      return create(RevokeGrantsRequestSchema, { all: true, reason });
    case 'subject':
      return create(RevokeGrantsRequestSchema, { subject: user(selector.id), reason });
    case 'resource':
      return create(RevokeGrantsRequestSchema, { resource: { type: 'Database', id: selector.id }, reason });
    case 'workflow':
      return create(RevokeGrantsRequestSchema, { workflow: selector.id, reason });
  }
}

function idsOf(all: readonly { readonly id?: string }[]): readonly string[] {
  return all.map(({ id = '' }) => id).toSorted();
}

/** What is said to have ended with somebody who is taken out. */
export interface TakenOut {
  readonly lockId: string;
  readonly ended: readonly string[];
  readonly withdrawn: readonly string[];
  readonly unvoted: readonly string[];
}

export async function offboard(context: GrantContext, by: string, who: string): Promise<TakenOut> {
  const asked = { principal: user(who), caller: user(by), reason: 'has left' };
  const { result } = await offboarded(context, asked);
  return {
    lockId: result.lock.id,
    ended: result.endedGrantIds.toSorted(),
    withdrawn: result.withdrawnRequestIds.toSorted(),
    unvoted: result.unvotedRequestIds.toSorted(),
  };
}
