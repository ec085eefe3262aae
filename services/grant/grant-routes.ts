import { createHash, randomUUID } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import type { EntityUid } from '../../core/access/entity.ts';
import type { AccessRequest } from '../../core/access/request.ts';
import { type Handlers, type Route, route } from '../../core/rpc/route.ts';
import { msFromDuration } from '../../core/rpc/time.ts';
import { fromProtoAction, fromProtoUid } from '../../core/rpc/uid.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { firstRevision, firstRevisions, type RecordedGrant } from '../../core/store/grants.ts';
import { Verdict } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  GrantService,
  type ListAccessRequestsRequest,
  type RequestAccessRequest,
  RequestAccessRequestSchema,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import { clockOfReads, type GrantContext } from './context.ts';
import { releaseGrant } from './end-grant.ts';
import { inTurns } from './give-way.ts';
import { type Listed, listAccessRequests } from './list-access-requests.ts';
import { getGrant, listGrantsOf } from './list-grants.ts';
import { listRequestableOf } from './requestable-message.ts';
import { nextPageToken, readPage } from './page-token.ts';
import type { Asked } from './plan-request.ts';
import { presentGrant, presentRequest, type Showing, toProtoState } from './present.ts';
import { previewRequest } from './preview.ts';
import { type CallKey, requestAccess } from './request-access.ts';
import { reviewAccessRequest } from './review-access-request.ts';
import { revokeGrants } from './revoke-grants.ts';
import { getAccessRequest, watchAccessRequest } from './watch-access-request.ts';
import { withdrawAccessRequest } from './withdraw-access-request.ts';

const STATE_NAMES = ['PENDING', 'APPROVED', 'PARTIALLY_APPROVED', 'DENIED', 'WITHDRAWN', 'EXPIRED'] as const;

type GrantHandlers = Handlers<typeof GrantService>;
type AboutGrants = 'getGrant' | 'listGrants' | 'releaseGrant' | 'revokeGrants';

/** The grant API over the use cases: messages in, messages out, nothing decided here. */
export function grantRoutes(context: GrantContext, log: Pick<Logger, 'error'>): Route {
  const showing = (caller: EntityUid): Showing => ({
    replica: context.followed.replica,
    caller,
    now: clockOfReads(context),
  });
  return route(GrantService, { ...aboutRequests(context, showing), ...aboutGrants(context, log, showing) });
}

function aboutRequests(
  context: GrantContext,
  showing: (caller: EntityUid) => Showing,
): Omit<GrantHandlers, AboutGrants> {
  const show = async (caller: EntityUid, request: AccessRequest) => {
    const revision = await beginningOf(context, request.id, { requestId: request.id });
    return presentRequest(showing(caller), request, revision);
  };
  return {
    async requestAccess(message, { caller, signal }) {
      const asked = askedOf(message, caller.uid);
      if (message.validateOnly) return await previewRequest(context, asked, signal);
      const { result, revision } = await requestAccess(context, asked, {
        callKey: callKeyOf(message),
        signal,
      });
      return { request: await show(caller.uid, result), revision };
    },
    async getAccessRequest({ id }, { caller }) {
      return { request: await show(caller.uid, await getAccessRequest(context, id, caller.uid)) };
    },
    async listAccessRequests(message, { caller, signal }) {
      const { found, next } = await listed(context, message, { caller: caller.uid, signal });
      const revisions = await firstRevisions(context.database, { requestIds: found.map(({ id }) => id) });
      const requests = await inTurns(found, signal, (request) =>
        presentRequest(showing(caller.uid), request, revisions.get(request.id) ?? 0n),
      );
      return { requests, nextPageToken: nextPageToken(next) };
    },
    async listRequestable(message, { caller, signal }) {
      return await listRequestableOf(context, message, { caller: caller.uid, signal });
    },
    async *watchAccessRequest({ id }, { caller, signal }) {
      for await (const request of watchAccessRequest(context, { id, caller: caller.uid, signal })) {
        yield { request: await show(caller.uid, request) };
      }
    },
    async reviewAccessRequest(message, { caller }) {
      const { id: requestId, comment, requestHash, items } = message;
      const verdict = message.verdict === Verdict.APPROVE ? 'APPROVE' : 'DENY';
      const vote = { requestId, reviewer: caller.uid, verdict, comment, requestHash, items } as const;
      const { result, revision } = await reviewAccessRequest(context, vote);
      return { request: await show(caller.uid, result), revision };
    },
    async withdrawAccessRequest({ id }, { caller }) {
      const { result, revision } = await withdrawAccessRequest(context, id, caller.uid);
      return { request: await show(caller.uid, result), revision };
    },
  };
}

/** The revision at which a request or a grant begins in the ledger. */
async function beginningOf(
  context: GrantContext,
  id: string,
  of: Parameters<typeof firstRevision>[1],
): Promise<bigint> {
  const known = context.firstRevisions.of(id, context.followed.follower.epoch);
  return known ?? (await firstRevision(context.database, of));
}

async function listed(
  context: GrantContext,
  message: ListAccessRequestsRequest,
  { caller, signal }: { readonly caller: EntityUid; readonly signal: AbortSignal },
): Promise<Listed<AccessRequest>> {
  const { mine, toReview } = message;
  const states = STATE_NAMES.filter((state) => message.states.includes(toProtoState(state)));
  return await listAccessRequests(context, { caller, states, mine, toReview }, readPage(message), signal);
}

function aboutGrants(
  context: GrantContext,
  log: Pick<Logger, 'error'>,
  showing: (caller: EntityUid) => Showing,
): Pick<GrantHandlers, AboutGrants> {
  const show = async (caller: EntityUid, row: RecordedGrant) => {
    const revision = await beginningOf(context, row.grant.id, { grantId: row.grant.id });
    return presentGrant(showing(caller), row, revision);
  };
  return {
    async getGrant({ id }, { caller }) {
      return { grant: await show(caller.uid, await getGrant(context, id, caller.uid)) };
    },
    async listGrants(message, { caller, signal }) {
      return await listGrantsOf(context, message, { caller: caller.uid, signal });
    },
    async releaseGrant({ id }, { caller }) {
      const { result, revision } = await releaseGrant(context, id, caller.uid);
      return { grant: await show(caller.uid, result), revision };
    },
    async revokeGrants(message, { caller, deadline, signal }) {
      return await revokeGrants(context, message, { caller: caller.uid, deadline, signal, log });
    },
  };
}

function askedOf(message: RequestAccessRequest, requester: EntityUid): Asked {
  return {
    id: randomUUID(),
    requester,
    subject: message.subject === undefined ? requester : fromProtoUid(message.subject, 'subject'),
    reason: message.reason,
    ticket: message.ticket,
    durationMs: message.duration === undefined ? undefined : msFromDuration(message.duration, 'duration'),
    items: message.items.map((item, index) => ({
      resource: fromProtoUid(item.resource, `items[${index}].resource`),
      actions: item.actions.map((action, at) => fromProtoAction(action, `items[${index}].actions[${at}]`)),
      workflow: item.workflow === '' ? undefined : item.workflow,
    })),
  };
}

function callKeyOf(message: RequestAccessRequest): CallKey | undefined {
  if (message.idempotencyKey === '') return undefined;
  const bodyHash = createHash('sha256').update(toBinary(RequestAccessRequestSchema, message)).digest();
  return { key: message.idempotencyKey, bodyHash };
}
