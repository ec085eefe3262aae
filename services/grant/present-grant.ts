import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt';
import { sameUid } from '../../core/access/entity.ts';
import { type Grant, type GrantStanding, standingOf } from '../../core/access/grant.ts';
import type { Lock } from '../../core/access/lock.ts';
import { locksOn } from '../../core/replica/rights.ts';
import { toProtoUid } from '../../core/rpc/uid.ts';
import type { RecordedGrant } from '../../core/store/grants.ts';
import {
  EndReason,
  GrantAction,
  type GrantSchema,
  GrantState,
} from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { grantQuestion } from './end-grant.ts';
import { maySeeLock } from './lock-rights.ts';
import { locksOnGrant } from './locked.ts';
import type { Showing } from './present.ts';
import { isPermitted } from './rights.ts';

const END_REASONS = {
  EXPIRED: EndReason.EXPIRED,
  RELEASED: EndReason.RELEASED,
  REVOKED: EndReason.REVOKED,
  UNCLAIMED: EndReason.UNCLAIMED,
  EXHAUSTED: EndReason.EXHAUSTED,
  IDLE: EndReason.IDLE,
  INELIGIBLE: EndReason.INELIGIBLE,
} as const;

const STATES: Record<GrantStanding['state'], GrantState> = {
  SCHEDULED: GrantState.SCHEDULED,
  CLAIMABLE: GrantState.CLAIMABLE,
  ACTIVE: GrantState.ACTIVE,
  ENDED: GrantState.ENDED,
};

export function toProtoGrantState({ state }: GrantStanding): GrantState {
  return STATES[state];
}

/** The grant as the caller may see it. */
export function presentGrant(
  showing: Showing,
  row: RecordedGrant,
  revision: bigint,
): MessageInitShape<typeof GrantSchema> {
  const { grant } = row;
  const standing = standingOf(row.recorded, grant, showing.now);
  const locks = standing.state === 'ENDED' ? [] : locksOnGrant(showing.replica, grant, showing.now);
  const actions = allowedActions(showing, grant, { state: standing.state, isLocked: locks.length > 0 });
  return {
    id: grant.id,
    requestId: grant.requestId,
    item: grant.item,
    requester: toProtoUid(grant.requester),
    subject: toProtoUid(grant.subject),
    approvers: grant.approvers.map(toProtoUid),
    actions: grant.actions.map(toProtoUid),
    resource: toProtoUid(grant.resource),
    workflow: grant.workflow,
    reason: grant.reason,
    ticket: grant.ticket,
    state: STATES[standing.state],
    ...presentTimes(row, standing),
    ...presentLimits(row),
    allowedActions: actions,
    mayRelease: actions.includes(GrantAction.RELEASE),
    mayRevoke: actions.includes(GrantAction.REVOKE),
    revision,
    locks: locks.map((lock) => presentGrantLock(showing, lock, grant)),
  };
}

/** That there is a lock, and until when, is told to whoever it denies as well; why only to those who may see it. */
function presentGrantLock({ replica, caller, now }: Showing, lock: Lock, grant: Grant) {
  const { id, reason, expiresAt } = lock;
  return {
    id,
    reason: maySeeLock(replica, lock, grant, { caller, now }) ? reason : '',
    ...(expiresAt === undefined ? {} : { expiresAt: timestampFromDate(expiresAt) }),
  };
}

function presentTimes({ grant }: RecordedGrant, standing: GrantStanding) {
  const { startsAt, expiresAt, durationMs, lastUsedAt } = grant;
  const window = { startsAt: timestampFromDate(startsAt), expiresAt: timestampFromDate(expiresAt) };
  return {
    duration: durationFromMs(durationMs),
    ...(standing.state === 'CLAIMABLE' ? { claimBy: timestampFromDate(expiresAt) } : window),
    ...(standing.state === 'ENDED'
      ? { endedAt: timestampFromDate(standing.endedAt), endReason: END_REASONS[standing.endReason] }
      : {}),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt: timestampFromDate(lastUsedAt) }),
  };
}

function presentLimits({ grant: { terms, usesLeft, extensions } }: RecordedGrant) {
  return {
    breakGlass: terms.breakGlass,
    ...(terms.idleMs === undefined ? {} : { idle: durationFromMs(terms.idleMs) }),
    ...(usesLeft === undefined ? {} : { usesLeft }),
    extensions,
    maxExtensions: terms.maxExtensions,
  };
}

function allowedActions(
  { replica, caller, now }: Showing,
  grant: Grant,
  { state, isLocked }: { readonly state: GrantStanding['state']; readonly isLocked: boolean },
): GrantAction[] {
  if (state === 'ENDED' || locksOn(replica, caller, now).length > 0) return [];
  const isHolder = sameUid(grant.subject, caller);
  const isAsking = isHolder || sameUid(grant.requester, caller);
  const mayExtend =
    !isLocked && state === 'ACTIVE' && isAsking && grant.extensions < grant.terms.maxExtensions;
  return [
    ...(isHolder ? [GrantAction.RELEASE] : []),
    ...(isPermitted(replica, grantQuestion('revoke', grant, caller, now)) ? [GrantAction.REVOKE] : []),
    ...(mayExtend ? [GrantAction.EXTEND] : []),
    ...(isHolder && !isLocked && state === 'CLAIMABLE' ? [GrantAction.ACTIVATE] : []),
  ];
}
