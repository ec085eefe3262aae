import { fieldError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import { type CallContext, type Route, route } from '../../core/rpc/route.ts';
import { fromProtoUid } from '../../core/rpc/uid.ts';
import type { Logger } from '../../core/runtime/log.ts';
import {
  DecisionService,
  type WatchChangesRequest,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { DecisionContext } from './authorize.ts';
import { authorizeInBytes } from './authorize-in-bytes.ts';
import { batchInBytes } from './batch-in-bytes.ts';
import { getStatus } from './get-status.ts';
import { watchChanges, type WatchContext } from './changes/watch-changes.ts';
import { WATCHED_PRINCIPALS } from './limits.ts';
import { toStatusResponse, toWatchResponse } from './to-response.ts';

/** What streams of changes take. */
export type Watching = Pick<WatchContext, 'changes' | 'observeWatch'>;

/** Binds the decision service's use cases to its proto. */
export function decisionRoute(context: DecisionContext, watching: Watching, logger: Logger): Route {
  return route(
    DecisionService,
    {
      authorize: { inBytes: (bytes, call) => authorizeInBytes(context, bytes, call) },
      batchAuthorize: { inBytes: (bytes, call) => batchInBytes(context, bytes, call, logger) },
      async *watchChanges({ principals }: WatchChangesRequest, { caller, signal }: CallContext) {
        const watch = { caller, principals: readPrincipals(principals), signal };
        for await (const told of watchChanges({ ...context, ...watching }, watch))
          yield toWatchResponse(told);
      },
      async getStatus() {
        return toStatusResponse(getStatus(context), context.staleStandingMs);
      },
    },
    // The conversion checks lengths and counts; rules in the proto would cost as much as the decision.
    { validate: false },
  );
}

function readPrincipals(sent: WatchChangesRequest['principals']): readonly EntityUid[] {
  if (sent.length > WATCHED_PRINCIPALS)
    throw fieldError(
      'principals',
      `seen ${sent.length}, wanted at most ${WATCHED_PRINCIPALS}; none means anybody`,
    );
  return sent.map((principal, index) => fromProtoUid(principal, `principals[${index}]`));
}
