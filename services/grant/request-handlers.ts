import type { EntityUid } from '../../core/access/entity.ts';
import type { AccessRequest } from '../../core/access/request.ts';
import type { Handlers } from '../../core/rpc/route.ts';
import { firstRevisions } from '../../core/store/grants.ts';
import { readRequest } from '../../core/store/requests.ts';
import type {
  GrantService,
  ListAccessRequestsRequest,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import type { GrantContext } from './context.ts';
import { inTurns } from './give-way.ts';
import { listAccessRequests } from './list-access-requests.ts';
import { listOwedReviews } from './list-owed-reviews.ts';
import { nextPageToken, readPage } from './page-token.ts';
import { presentRequest, toProtoState } from './present.ts';
import { previewRequest } from './preview.ts';
import { askedOf, callKeyOf, voteOf } from './read-message.ts';
import { remindReviewers } from './remind-reviewers.ts';
import { requestAccess } from './request-access.ts';
import { listRequestableOf } from './requestable-message.ts';
import { RequestWatches } from './request-watches.ts';
import { reviewAccessRequest } from './review-access-request.ts';
import type { Listed } from './scan.ts';
import { showingRequests, showRequest } from './show.ts';
import { getAccessRequest, watchAccessRequest } from './watch-access-request.ts';
import { withdrawAccessRequest } from './withdraw-access-request.ts';
import { withdrawReview } from './withdraw-review.ts';

const STATE_NAMES = ['PENDING', 'APPROVED', 'PARTIALLY_APPROVED', 'DENIED', 'WITHDRAWN', 'EXPIRED'] as const;

type GrantHandlers = Handlers<typeof GrantService>;
type AboutRequests =
  | 'requestAccess'
  | 'getAccessRequest'
  | 'listAccessRequests'
  | 'watchAccessRequest'
  | 'reviewAccessRequest'
  | 'withdrawReview'
  | 'remindReviewers'
  | 'withdrawAccessRequest'
  | 'listRequestable'
  | 'listOwedReviews';
type Reading =
  | 'getAccessRequest'
  | 'listAccessRequests'
  | 'listRequestable'
  | 'watchAccessRequest'
  | 'listOwedReviews';

/** Messages about requests and their reviews. */
export function requestHandlers(context: GrantContext): Pick<GrantHandlers, AboutRequests> {
  return { ...reading(context), ...changing(context) };
}

function changing(context: GrantContext): Pick<GrantHandlers, Exclude<AboutRequests, Reading>> {
  return {
    async requestAccess(message, { caller, signal }) {
      const asked = askedOf(message, caller.uid);
      if (message.validateOnly) return await previewRequest(context, asked, signal);
      const callKey = callKeyOf(message);
      const { result, revision } = await requestAccess(context, asked, { callKey, signal });
      const { request, isExisting: existing } = result;
      return { request: await showRequest(context, caller.uid, request), revision, existing };
    },
    async reviewAccessRequest(message, { caller }) {
      const { result, revision } = await reviewAccessRequest(context, voteOf(message, caller));
      return { request: await showRequest(context, caller.uid, result), revision };
    },
    async withdrawReview({ id: requestId, items }, { caller }) {
      const { result, revision } = await withdrawReview(context, { requestId, reviewer: caller.uid, items });
      return { request: await showRequest(context, caller.uid, result), revision };
    },
    async remindReviewers({ id }, { caller }) {
      const { result, revision } = await remindReviewers(context, id, caller.uid);
      return { request: await showRequest(context, caller.uid, result), revision };
    },
    async withdrawAccessRequest({ id }, { caller }) {
      const { result, revision } = await withdrawAccessRequest(context, id, caller.uid);
      return { request: await showRequest(context, caller.uid, result), revision };
    },
  };
}

function reading(context: GrantContext): Pick<GrantHandlers, Reading> {
  const watches = new RequestWatches(context.followed, (id) => readRequest(context.database, id));
  return {
    async getAccessRequest({ id }, { caller }) {
      const request = await getAccessRequest(context, id, caller.uid);
      return { request: await showRequest(context, caller.uid, request) };
    },
    async listAccessRequests(message, { caller, signal }) {
      const { found, next } = await listed(context, message, { caller: caller.uid, signal });
      const revisions = await firstRevisions(context.database, { requestIds: found.map(({ id }) => id) });
      const showing = await showingRequests(context, caller.uid, found);
      const requests = await inTurns(found, signal, (request) =>
        presentRequest(showing, request, revisions.get(request.id) ?? 0n),
      );
      return { requests, nextPageToken: nextPageToken(next) };
    },
    async *watchAccessRequest({ id }, { caller, signal }) {
      for await (const request of watchAccessRequest(context, watches, { id, caller: caller.uid, signal })) {
        yield { request: await showRequest(context, caller.uid, request) };
      }
    },
    async listRequestable(message, { caller, signal }) {
      return await listRequestableOf(context, message, { caller: caller.uid, signal });
    },
    async listOwedReviews(message, { caller, signal }) {
      return await listOwedReviews(context, message, { caller: caller.uid, signal });
    },
  };
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
