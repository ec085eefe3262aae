import type { Grant } from '../access/grant.ts';
import type { AccessRequest, RequestItem } from '../access/request.ts';
import type { Workflow } from '../access/workflow.ts';
import type { RequestFacts } from '../policy/curfew-context.ts';

/** A request, as far as policies see it. */
export type Asking = Pick<
  AccessRequest,
  'id' | 'requester' | 'subject' | 'reason' | 'ticket' | 'durationMs' | 'breakGlass'
> &
  Partial<Pick<AccessRequest, 'startsAt' | 'extends'>>;

/** An item, as far as policies see it. */
export type AskedFor = Pick<RequestItem, 'actions' | 'resource'> & {
  readonly workflow: Pick<Workflow, 'id'>;
};

/** What policies see of an item of a request. */
export function factsOf(
  request: Asking,
  item: Pick<RequestItem, 'actions'> & { readonly workflow?: Pick<Workflow, 'id'> },
): RequestFacts {
  return {
    id: request.id,
    requester: request.requester,
    subject: request.subject,
    actions: item.actions.map((action) => action.id),
    reason: request.reason,
    ...(request.ticket === '' ? {} : { ticket: request.ticket }),
    durationMs: request.durationMs,
    ...(request.startsAt === undefined ? {} : { startsAt: request.startsAt }),
    ...(item.workflow === undefined ? {} : { workflow: item.workflow.id }),
    breakGlass: request.breakGlass,
    extension: BigInt(request.extends?.extension ?? 0),
  };
}

/** The request and the item that a grant came of, as they were asked for: what approvals made of it lets nobody in or out. */
export function originOf(grant: Grant): { readonly request: Asking; readonly item: AskedFor } {
  const { requestId: id, requester, subject, resource, reason, ticket, workflow, terms, asked = {} } = grant;
  const { actions = grant.actions, durationMs = grant.durationMs, startsAt } = asked;
  const { breakGlass } = terms;
  return {
    request: { id, requester, subject, reason, ticket, durationMs, startsAt, breakGlass },
    item: { actions, resource, workflow: { id: workflow } },
  };
}

/** What policies see of the request that a grant came of: the same as when it was approved. */
export function requestFactsOf(grant: Grant): RequestFacts {
  const { request, item } = originOf(grant);
  return factsOf(request, item);
}
