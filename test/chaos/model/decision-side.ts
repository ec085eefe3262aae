import type { RemoteService } from '../../../core/rpc/remote-service.ts';
import type { DecisionContext } from '../../../services/decision/authorize.ts';
import { GrantServiceUses } from '../../../services/decision/grant-service-uses.ts';
import { createMemo } from '../../../services/decision/memo.ts';
import { createRights } from '../../../services/decision/rights.ts';
import type { UseGrantRequest } from '../../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { useGrant } from '../../../services/grant/use-grant.ts';
import { robot } from './entities.ts';
import type { Sides } from './sides.ts';

/** What decides as the decision service does, and uses up uses without the network in between. */
export function decisionOf({ grant: context, decision: followed }: Sides): DecisionContext {
  const remote: RemoteService = {
    call: async (_method, request, { signal }) => {
      signal?.throwIfAborted();
      const { id: grantId, useId, otherIds } = request as UseGrantRequest; // only UseGrant is called: the model tells of noted uses itself
      const { result } = await useGrant(context, { grantId, useId, otherIds, caller: robot });
      return { countedBy: result.kind === 'counted-by' ? result.grantId : '' } as never; // whoever calls reads nothing else of it
    },
    reasonOf: (error) => (error instanceof Error && 'reason' in error ? String(error.reason) : undefined),
    close: () => undefined,
  };
  return {
    followed,
    rights: createRights(followed),
    alarm: () => undefined,
    observe: (decide) => decide(),
    uses: new GrantServiceUses({ remote, log: { warn: () => undefined }, reportMs: 2 ** 31 - 1 }),
    staleStandingMs: 0,
    memo: createMemo(1_000),
  };
}
