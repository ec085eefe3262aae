import { createHash, randomUUID } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { fieldError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import type { Caller } from '../../core/rpc/route.ts';
import { msFromDuration } from '../../core/rpc/time.ts';
import { fromProtoAction, fromProtoUid } from '../../core/rpc/uid.ts';
import { Verdict } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import {
  type ExtendGrantRequest,
  ExtendGrantRequestSchema,
  type ItemNarrowing as NarrowingMessage,
  type ReportGrantUsesRequest,
  type RequestAccessRequest,
  RequestAccessRequestSchema,
  type ReviewAccessRequestRequest,
} from '../../proto/gen/curfew/grant/v1/grant_service_pb.ts';
import {
  type CreateLockRequest,
  CreateLockRequestSchema,
} from '../../proto/gen/curfew/grant/v1/lock_service_pb.ts';
import type { CallKey } from './call-key.ts';
import type { ItemNarrowing } from './check-narrowing.ts';
import type { AskedExtension } from './extend-grant.ts';
import type { Asked } from './plan-request.ts';
import type { ReportedUse } from './report-uses.ts';
import type { Vote } from './review-access-request.ts';

/** What the call asks for. @throws AccessError FIELD_INVALID */
export function askedOf(message: RequestAccessRequest, requester: EntityUid): Asked {
  return {
    id: randomUUID(),
    requester,
    subject: message.subject === undefined ? requester : fromProtoUid(message.subject, 'subject'),
    reason: message.reason,
    ticket: message.ticket,
    durationMs: message.duration === undefined ? undefined : msFromDuration(message.duration, 'duration'),
    startsAt: instantOf(message.startsAt, 'starts_at'),
    breakGlass: message.breakGlass,
    extends: undefined,
    items: message.items.map((item, index) => ({
      resource: fromProtoUid(item.resource, `items[${index}].resource`),
      actions: item.actions.map((action, at) => fromProtoAction(action, `items[${index}].actions[${at}]`)),
      workflow: item.workflow === '' ? undefined : item.workflow,
    })),
  };
}

/** @throws AccessError FIELD_INVALID */
export function extensionOf(message: ExtendGrantRequest, caller: EntityUid): AskedExtension {
  const { id: grantId, reason, ticket } = message;
  const durationMs =
    message.duration === undefined ? undefined : msFromDuration(message.duration, 'duration');
  return { grantId, caller, reason, ticket, durationMs };
}

/** @throws AccessError FIELD_INVALID */
export function voteOf(message: ReviewAccessRequestRequest, { uid: reviewer, signIn }: Caller): Vote {
  const { id: requestId, comment, requestHash, items } = message;
  const verdict = message.verdict === Verdict.APPROVE ? 'APPROVE' : 'DENY';
  const narrowing = message.narrowing.map(narrowingOf);
  return { requestId, reviewer, signIn, verdict, comment, requestHash, items, narrowing };
}

function narrowingOf({ item, actions, duration, startsAt }: NarrowingMessage, index: number): ItemNarrowing {
  const field = `narrowing[${index}]`;
  const left = actions.map((action, at) => fromProtoAction(action, `${field}.actions[${at}]`));
  return {
    item,
    actions: left.length === 0 ? undefined : left,
    durationMs: duration === undefined ? undefined : msFromDuration(duration, `${field}.duration`),
    startsAt: instantOf(startsAt, `${field}.starts_at`),
  };
}

/** @throws AccessError FIELD_INVALID */
export function usesOf({ uses }: ReportGrantUsesRequest): readonly ReportedUse[] {
  return uses.map(({ id: grantId, ago }, index) => ({
    grantId,
    agoMs: ago === undefined ? 0 : msFromDuration(ago, `uses[${index}].ago`),
  }));
}

/** PostgreSQL and Cedar hold later ones too; nobody means them. */
const LATEST = Date.UTC(9_999, 0);

function instantOf(timestamp: Timestamp | undefined, field: string): Date | undefined {
  if (timestamp === undefined) return undefined;
  const at = timestampDate(timestamp);
  if (at.getTime() >= 0 && at.getTime() < LATEST) return at;
  throw fieldError(
    field,
    `seen ${timestamp.seconds} seconds since 1970, wanted an instant from 1970 to 9998`,
  );
}

/** What the call's idempotency key stands for; undefined when it has none. */
export function callKeyOf(
  message: RequestAccessRequest | ExtendGrantRequest | CreateLockRequest,
): CallKey | undefined {
  if (message.idempotencyKey === '') return undefined;
  return { key: message.idempotencyKey, bodyHash: createHash('sha256').update(bytesOf(message)).digest() };
}

function bytesOf(message: RequestAccessRequest | ExtendGrantRequest | CreateLockRequest): Uint8Array {
  switch (message.$typeName) {
    case 'curfew.grant.v1.RequestAccessRequest':
      return toBinary(RequestAccessRequestSchema, message);
    case 'curfew.grant.v1.ExtendGrantRequest':
      return toBinary(ExtendGrantRequestSchema, message);
    case 'curfew.grant.v1.CreateLockRequest':
      return toBinary(CreateLockRequestSchema, message);
  }
}
