import { type Route, route } from '../../core/rpc/route.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { GrantService } from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import type { GrantContext } from './context.ts';
import { grantHandlers } from './grant-handlers.ts';
import { requestHandlers } from './request-handlers.ts';

/** The grant API over the use cases: messages in, messages out, nothing decided here. */
export function grantRoutes(context: GrantContext, log: Pick<Logger, 'error'>): Route {
  return route(GrantService, { ...requestHandlers(context), ...grantHandlers(context, log) });
}
