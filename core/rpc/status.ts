import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import type { StatusObject } from '@grpc/grpc-js';
import { Metadata, status as Code } from '@grpc/grpc-js';
import type { Violation } from '../access/access-error.ts';
import { AccessError, type Reason } from '../access/access-error.ts';
import { BadRequestSchema, ErrorInfoSchema } from '../../proto/gen/google/rpc/error_details_pb.ts';
import type { Status } from '../../proto/gen/google/rpc/status_pb.ts';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.ts';

/** The gRPC code of each reason; proto/curfew/type/v1/error_reason.proto says the same in words. */
export const codeOf: Readonly<Record<Reason, Code>> = {
  FIELD_INVALID: Code.INVALID_ARGUMENT,
  ACTION_UNKNOWN: Code.INVALID_ARGUMENT,
  ACTION_TAKES_NO_GRANT: Code.INVALID_ARGUMENT,
  ENTITY_TYPE_UNKNOWN: Code.INVALID_ARGUMENT,
  ENTITY_UNKNOWN: Code.INVALID_ARGUMENT,
  WORKFLOW_UNKNOWN: Code.INVALID_ARGUMENT,
  DURATION_TOO_LONG: Code.INVALID_ARGUMENT,
  ENTITY_NOT_CALLERS: Code.INVALID_ARGUMENT,
  CONTEXT_RESERVED: Code.INVALID_ARGUMENT,
  CREDENTIALS_MISSING: Code.UNAUTHENTICATED,
  TOKEN_INVALID: Code.UNAUTHENTICATED,
  TOKEN_EXPIRED: Code.UNAUTHENTICATED,
  CALLER_UNKNOWN: Code.UNAUTHENTICATED,
  NOT_PERMITTED: Code.PERMISSION_DENIED,
  NOT_REQUESTABLE: Code.PERMISSION_DENIED,
  SELF_REVIEW: Code.PERMISSION_DENIED,
  NOT_A_REVIEWER: Code.PERMISSION_DENIED,
  LOCKED: Code.PERMISSION_DENIED,
  SELF_UNLOCK: Code.PERMISSION_DENIED,
  AUTHENTICATION_INSUFFICIENT: Code.PERMISSION_DENIED,
  REQUEST_NOT_FOUND: Code.NOT_FOUND,
  GRANT_NOT_FOUND: Code.NOT_FOUND,
  ENTITY_NOT_FOUND: Code.NOT_FOUND,
  POLICY_SET_NOT_FOUND: Code.NOT_FOUND,
  LOCK_NOT_FOUND: Code.NOT_FOUND,
  REQUEST_NOT_PENDING: Code.FAILED_PRECONDITION,
  REQUEST_HASH_MISMATCH: Code.FAILED_PRECONDITION,
  GRANT_ENDED: Code.FAILED_PRECONDITION,
  UNANSWERABLE: Code.FAILED_PRECONDITION,
  REVISION_UNREACHABLE: Code.FAILED_PRECONDITION,
  POLICIES_MISSING: Code.FAILED_PRECONDITION,
  ENTITY_DELETED: Code.FAILED_PRECONDITION,
  NOTHING_LEFT: Code.FAILED_PRECONDITION,
  NO_REVIEW: Code.FAILED_PRECONDITION,
  GRANT_STATE: Code.FAILED_PRECONDITION,
  EXTENSION_LIMIT: Code.FAILED_PRECONDITION,
  LOCK_LIFTED: Code.FAILED_PRECONDITION,
  ALREADY_REVIEWED: Code.ALREADY_EXISTS,
  EXTENSION_PENDING: Code.ALREADY_EXISTS,
  IDEMPOTENCY_KEY_REUSED: Code.ALREADY_EXISTS,
  CONFLICT: Code.ABORTED,
  STALE: Code.UNAVAILABLE,
  REVISION_NOT_REACHED: Code.UNAVAILABLE,
  DATABASE_UNAVAILABLE: Code.UNAVAILABLE,
  NOT_READY: Code.UNAVAILABLE,
  EVALUATION_FAILED: Code.UNAVAILABLE,
  USE_NOT_ACKNOWLEDGED: Code.UNAVAILABLE,
  TOO_MUCH: Code.RESOURCE_EXHAUSTED,
  TOO_MANY_OPEN: Code.RESOURCE_EXHAUSTED,
  OVERLOADED: Code.RESOURCE_EXHAUSTED,
  INTERNAL: Code.INTERNAL,
};

/** How long a client is to wait before it calls again; gRPC's `grpc-retry-pushback-ms` (its proposal A6). */
const pushbackMs: Partial<Readonly<Record<Reason, number>>> = { OVERLOADED: 50 };

const domain = 'curfew';
const internalText = 'internal error: a fault of Curfew, not of the call; its log has the cause';
/**
 * Trailers are HTTP/2 headers, and clients refuse more than 8 KiB of them. The text goes out twice, percent-encoded (threefold at
 * worst) and in the details, which are base64: 1,000 bytes of text and 2,600 of details fit.
 */
const maxTextBytes = 1_000;
const maxFieldBytes = 300;
const maxMetadataBytes = 600;
const maxViolationsBytes = 1_800;

/**
 * The error as `google.rpc.Status`, with ErrorInfo and, for bad fields, BadRequest. Whatever is not an AccessError becomes INTERNAL
 * with a fixed text; who catches it logs it (`isFault`).
 */
export function toRpcStatus(error: unknown): Status {
  const known = knownError(error);
  const { reason, violations } = known;
  const metadata = Object.fromEntries(fitting(Object.entries(known.metadata), maxMetadataBytes));
  const details = [anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain, metadata }))];
  if (violations.length > 0) {
    details.push(anyPack(BadRequestSchema, badRequest(violations)));
  }
  return create(StatusSchema, {
    code: codeOf[reason],
    message: clean(known.message, maxTextBytes),
    details,
  });
}

/** The error as grpc-js sends it: code, text, and the details in `grpc-status-details-bin`. */
export function toStatusObject(error: unknown): StatusObject {
  const status = toRpcStatus(error);
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(toBinary(StatusSchema, status)));
  const { reason } = knownError(error);
  const waitMs = pushbackMs[reason];
  if (waitMs !== undefined) metadata.set('grpc-retry-pushback-ms', String(waitMs));
  return { code: codeOf[reason], details: status.message, metadata };
}

/** Whether the error is a fault of ours, which the log must have in full. */
export function isFault(error: unknown): boolean {
  return !(error instanceof AccessError) || error.reason === 'INTERNAL';
}

function knownError(error: unknown): AccessError {
  return error instanceof AccessError && !isFault(error) ? error : new AccessError('INTERNAL', internalText);
}

function badRequest(violations: readonly Violation[]) {
  const pairs = violations.map(({ field, description }) => [field, description] as const);
  const fieldViolations = fitting(pairs, maxViolationsBytes).map(([field, description]) => ({
    field,
    description,
  }));
  return create(BadRequestSchema, { fieldViolations });
}

/** The first pairs of texts, each cut, that together fit. */
function fitting(
  pairs: readonly (readonly [string, string])[],
  maxBytes: number,
): readonly [string, string][] {
  const taken: [string, string][] = [];
  let sizeBytes = 0;
  for (const [name, text] of pairs) {
    const pair: [string, string] = [clean(name, maxFieldBytes), clean(text, maxFieldBytes)];
    sizeBytes += Buffer.byteLength(pair[0]) + Buffer.byteLength(pair[1]);
    if (sizeBytes > maxBytes) {
      break;
    }
    taken.push(pair);
  }
  return taken;
}

/** Short, and well-formed, because grpc-js would throw while it encodes the trailer. */
function clean(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  return bytes.byteLength > maxBytes ? `${bytes.subarray(0, maxBytes - 3).toString()}…` : bytes.toString();
}
