import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { EntityUid } from '../../core/access/entity.ts';
import type { Narrowing } from '../../core/access/narrowing.ts';
import {
  type AccessRequest,
  itemResolvedAt,
  type ItemState,
  itemStateAt,
  requestExpiresAt,
  type RequestItem,
  type RequestState as DomainState,
  requestStateAt,
  type Review,
} from '../../core/access/request.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { toProtoUid } from '../../core/rpc/uid.ts';
import {
  type AccessRequestSchema,
  type RequestItemSchema,
  RequestState,
  type ReviewSchema,
  Verdict,
} from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import type { Approvers } from './approvals-in-return.ts';
import { countVotes } from './counted-votes.ts';
import { presentWorkflow } from './present-workflow.ts';
import { itemActions, requestActions } from './request-actions.ts';

/** What a message is shown to and by. */
export interface Showing {
  readonly replica: Replica;
  readonly caller: EntityUid;
  readonly now: Date;
  /** Who lately approved requests of the caller; nobody unless said. */
  readonly approvers?: Approvers;
  /** When the reviewers of the caller's requests were last reminded, by request; never unless said. */
  readonly reminded?: ReadonlyMap<string, Date>;
}

const STATES: Record<DomainState, RequestState> = {
  PENDING: RequestState.PENDING,
  APPROVED: RequestState.APPROVED,
  PARTIALLY_APPROVED: RequestState.PARTIALLY_APPROVED,
  DENIED: RequestState.DENIED,
  WITHDRAWN: RequestState.WITHDRAWN,
  EXPIRED: RequestState.EXPIRED,
};

export function toProtoState(state: DomainState): RequestState {
  return STATES[state];
}

/** The request as the caller may see it. */
export function presentRequest(
  showing: Showing,
  request: AccessRequest,
  revision: bigint,
): MessageInitShape<typeof AccessRequestSchema> {
  const { now } = showing;
  const state = requestStateAt(request, now);
  const actions = request.items.map((item) => itemActions(showing, request, item));
  const resolved = request.items.map((item) => itemResolvedAt(item, now)?.getTime() ?? 0);
  return {
    id: request.id,
    requester: toProtoUid(request.requester),
    subject: toProtoUid(request.subject),
    state: STATES[state],
    items: request.items.map((item, index) => ({
      ...presentItem(showing, request, item),
      allowedActions: [...(actions[index] ?? [])],
    })),
    reason: request.reason,
    ticket: request.ticket,
    duration: durationFromMs(request.durationMs),
    createdAt: timestampFromDate(request.createdAt),
    expiresAt: timestampFromDate(requestExpiresAt(request.items)),
    ...(state === 'PENDING' ? {} : { resolvedAt: timestampFromDate(new Date(Math.max(...resolved))) }),
    requestHash: new Uint8Array(request.requestHash),
    allowedActions: [...requestActions(showing, request, actions)],
    revision,
    reviews: request.reviews.map(presentReview),
    ...(request.startsAt === undefined ? {} : { startsAt: timestampFromDate(request.startsAt) }),
    breakGlass: request.breakGlass,
    extendsGrantId: request.extends?.grantId ?? '',
    extension: request.extends?.extension ?? 0,
  };
}

function presentItem(
  showing: Showing,
  request: AccessRequest,
  item: RequestItem,
): MessageInitShape<typeof RequestItemSchema> {
  const { replica, now } = showing;
  const state: ItemState = itemStateAt(item, now);
  const resolvedAt = itemResolvedAt(item, now);
  const { filledBy, terms } = countVotes(replica, request, item, now);
  return {
    resource: toProtoUid(item.resource),
    actions: item.actions.map(toProtoUid),
    workflow: presentWorkflow(item.workflow),
    state: STATES[state],
    steps: item.workflow.steps.map((step) => ({
      ...step,
      filledBy: (filledBy.get(step.name) ?? []).map((review) => toProtoUid(review.reviewer)),
    })),
    expiresAt: timestampFromDate(item.expiresAt),
    ...(resolvedAt === undefined ? {} : { resolvedAt: timestampFromDate(resolvedAt) }),
    grantId: item.grantId ?? '',
    memberCount: BigInt(countMembers(replica, item.resource)),
    deniedBecause: item.deniedBecause,
    comesTo: presentTerms(terms),
  };
}

function presentTerms({ actions, durationMs, startsAt }: Narrowing) {
  return {
    actions: (actions ?? []).map(toProtoUid),
    ...(durationMs === undefined ? {} : { duration: durationFromMs(durationMs) }),
    ...(startsAt === undefined ? {} : { startsAt: timestampFromDate(startsAt) }),
  };
}

function countMembers(replica: Replica, resource: EntityUid): number {
  let count = 0;
  for (const _ of replica.directory.descendants(resource)) count += 1;
  return count;
}

function presentReview(review: Review): MessageInitShape<typeof ReviewSchema> {
  return {
    reviewer: toProtoUid(review.reviewer),
    verdict: review.verdict === 'APPROVE' ? Verdict.APPROVE : Verdict.DENY,
    comment: review.comment,
    createdAt: timestampFromDate(review.at),
    item: review.item,
    policyDigest: review.policyDigest,
    narrowing: presentTerms(review.narrowing),
    ...(review.withdrawnAt === undefined ? {} : { withdrawnAt: timestampFromDate(review.withdrawnAt) }),
  };
}
