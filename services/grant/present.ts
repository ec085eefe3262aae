import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type EntityUid, parseUidKey, sameUid } from '../../core/access/entity.ts';
import { standingOf } from '../../core/access/grant.ts';
import {
  type AccessRequest,
  itemResolvedAt,
  type ItemState,
  itemStateAt,
  pendingItems,
  requestExpiresAt,
  type RequestItem,
  type RequestState as DomainState,
  requestStateAt,
  type Review,
} from '../../core/access/request.ts';
import { checkText, type TextRule, type Workflow } from '../../core/access/workflow.ts';
import type { Replica } from '../../core/replica/replica.ts';
import { toProtoUid } from '../../core/rpc/uid.ts';
import type { RecordedGrant } from '../../core/store/grants.ts';
import {
  type AccessRequestSchema,
  EndReason,
  type GrantSchema,
  GrantState,
  RequestAction,
  type RequestItemSchema,
  RequestState,
  type ReviewSchema,
  Verdict,
} from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { grantQuestion } from './end-grant.ts';
import { seatingOf } from './review-access-request.ts';
import { fillableSteps, isPermitted } from './rights.ts';

/** What a message is shown to and by. */
export interface Showing {
  readonly replica: Replica;
  readonly caller: EntityUid;
  readonly now: Date;
}

const STATES: Record<DomainState, RequestState> = {
  PENDING: RequestState.PENDING,
  APPROVED: RequestState.APPROVED,
  PARTIALLY_APPROVED: RequestState.PARTIALLY_APPROVED,
  DENIED: RequestState.DENIED,
  WITHDRAWN: RequestState.WITHDRAWN,
  EXPIRED: RequestState.EXPIRED,
};

const END_REASONS = {
  EXPIRED: EndReason.EXPIRED,
  RELEASED: EndReason.RELEASED,
  REVOKED: EndReason.REVOKED,
  INELIGIBLE: EndReason.INELIGIBLE,
} as const;

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
  const resolved = request.items.map((item) => itemResolvedAt(item, now)?.getTime() ?? 0);
  return {
    id: request.id,
    requester: toProtoUid(request.requester),
    subject: toProtoUid(request.subject),
    state: STATES[state],
    items: request.items.map((item) => presentItem(showing, request, item)),
    reason: request.reason,
    ticket: request.ticket,
    duration: durationFromMs(request.durationMs),
    createdAt: timestampFromDate(request.createdAt),
    expiresAt: timestampFromDate(requestExpiresAt(request.items)),
    ...(state === 'PENDING' ? {} : { resolvedAt: timestampFromDate(new Date(Math.max(...resolved))) }),
    requestHash: new Uint8Array(request.requestHash),
    allowedActions: allowedActions(showing, request),
    revision,
    reviews: request.reviews.map(presentReview),
  };
}

function allowedActions({ replica, caller, now }: Showing, request: AccessRequest): RequestAction[] {
  const pending = pendingItems(request, now);
  const voted = (item: RequestItem): boolean =>
    request.reviews.some((it) => it.item === item.item && sameUid(it.reviewer, caller));
  const mayReview = pending.some(
    (item) => !voted(item) && fillableSteps(replica, request, item, caller, now).length > 0,
  );
  const mayWithdraw =
    pending.length > 0 && (sameUid(caller, request.requester) || sameUid(caller, request.subject));
  return [...(mayReview ? [RequestAction.REVIEW] : []), ...(mayWithdraw ? [RequestAction.WITHDRAW] : [])];
}

function presentItem(
  showing: Showing,
  request: AccessRequest,
  item: RequestItem,
): MessageInitShape<typeof RequestItemSchema> {
  const { replica, now } = showing;
  const state: ItemState = itemStateAt(item, now);
  const resolvedAt = itemResolvedAt(item, now);
  const { filledBy } = seatingOf(replica, request, item, now);
  return {
    resource: toProtoUid(item.resource),
    actions: item.actions.map(toProtoUid),
    workflow: presentWorkflow(item.workflow),
    state: STATES[state],
    steps: item.workflow.steps.map((step) => ({
      ...step,
      filledBy: (filledBy.get(step.name) ?? []).map((key) => toProtoUid(parseUidKey(key))),
    })),
    expiresAt: timestampFromDate(item.expiresAt),
    ...(resolvedAt === undefined ? {} : { resolvedAt: timestampFromDate(resolvedAt) }),
    grantId: item.grantId ?? '',
    memberCount: BigInt(countMembers(replica, item.resource)),
    deniedBecause: item.deniedBecause,
  };
}

function countMembers(replica: Replica, resource: EntityUid): number {
  let count = 0;
  for (const _ of replica.directory.descendants(resource)) count += 1;
  return count;
}

/** The terms of a workflow. */
export function presentWorkflow(workflow: Workflow) {
  return {
    id: workflow.id,
    title: workflow.title,
    steps: workflow.steps.map((step) => ({ ...step })),
    maxDuration: durationFromMs(workflow.maxMs),
    defaultDuration: durationFromMs(workflow.defaultMs),
    pendingDuration: durationFromMs(workflow.pendingMs),
    reasonRule: presentRule(workflow.reason),
    ticketRule: presentRule(workflow.ticket),
  };
}

function presentRule(rule: TextRule) {
  return {
    required: checkText(rule, '') !== undefined,
    pattern: rule.kind === 'pattern' ? rule.pattern : '',
  };
}

function presentReview(review: Review): MessageInitShape<typeof ReviewSchema> {
  return {
    reviewer: toProtoUid(review.reviewer),
    verdict: review.verdict === 'APPROVE' ? Verdict.APPROVE : Verdict.DENY,
    comment: review.comment,
    createdAt: timestampFromDate(review.at),
    item: review.item,
    policyDigest: review.policyDigest,
  };
}

/** The grant as the caller may see it. */
export function presentGrant(
  showing: Showing,
  row: RecordedGrant,
  revision: bigint,
): MessageInitShape<typeof GrantSchema> {
  const { replica, caller, now } = showing;
  const { grant } = row;
  const standing = standingOf(row.recorded, grant.expiresAt, now);
  const isActive = standing.state === 'ACTIVE';
  return {
    id: grant.id,
    requestId: grant.requestId,
    item: grant.item,
    subject: toProtoUid(grant.subject),
    actions: grant.actions.map(toProtoUid),
    resource: toProtoUid(grant.resource),
    workflow: grant.workflow,
    state: isActive ? GrantState.ACTIVE : GrantState.ENDED,
    startsAt: timestampFromDate(grant.startsAt),
    expiresAt: timestampFromDate(grant.expiresAt),
    ...(isActive
      ? {}
      : { endedAt: timestampFromDate(standing.endedAt), endReason: END_REASONS[standing.endReason] }),
    reason: grant.reason,
    ticket: grant.ticket,
    mayRelease: isActive && sameUid(grant.subject, caller),
    mayRevoke: isActive && isPermitted(replica, grantQuestion('revoke', grant, caller, now)),
    revision,
  };
}
