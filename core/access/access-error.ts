/**
 * Why Curfew could not do what was asked. Each is a value of `curfew.type.v1.ErrorReason` without its prefix; `core/rpc/status.ts`
 * gives each its gRPC code.
 */
export type Reason =
  | 'FIELD_INVALID'
  | 'ACTION_UNKNOWN'
  | 'ACTION_TAKES_NO_GRANT'
  | 'ENTITY_TYPE_UNKNOWN'
  | 'ENTITY_UNKNOWN'
  | 'WORKFLOW_UNKNOWN'
  | 'DURATION_TOO_LONG'
  | 'ENTITY_NOT_CALLERS'
  | 'CONTEXT_RESERVED'
  | 'CREDENTIALS_MISSING'
  | 'TOKEN_INVALID'
  | 'TOKEN_EXPIRED'
  | 'CALLER_UNKNOWN'
  | 'NOT_PERMITTED'
  | 'NOT_REQUESTABLE'
  | 'SELF_REVIEW'
  | 'NOT_A_REVIEWER'
  | 'LOCKED'
  | 'SELF_UNLOCK'
  | 'AUTHENTICATION_INSUFFICIENT'
  | 'REQUEST_NOT_FOUND'
  | 'GRANT_NOT_FOUND'
  | 'ENTITY_NOT_FOUND'
  | 'POLICY_SET_NOT_FOUND'
  | 'LOCK_NOT_FOUND'
  | 'REQUEST_NOT_PENDING'
  | 'REQUEST_HASH_MISMATCH'
  | 'GRANT_ENDED'
  | 'UNANSWERABLE'
  | 'REVISION_UNREACHABLE'
  | 'POLICIES_MISSING'
  | 'ENTITY_DELETED'
  | 'NOTHING_LEFT'
  | 'NO_REVIEW'
  | 'GRANT_STATE'
  | 'EXTENSION_LIMIT'
  | 'LOCK_LIFTED'
  | 'ALREADY_REVIEWED'
  | 'EXTENSION_PENDING'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'CONFLICT'
  | 'STALE'
  | 'REVISION_NOT_REACHED'
  | 'DATABASE_UNAVAILABLE'
  | 'NOT_READY'
  | 'EVALUATION_FAILED'
  | 'USE_NOT_ACKNOWLEDGED'
  | 'TOO_MUCH'
  | 'TOO_MANY_OPEN'
  | 'OVERLOADED'
  | 'INTERNAL';

/** A field of the call that is not as it must be. */
export interface Violation {
  /** Path in the request, as on the wire: `items[0].actions[1]`. */
  readonly field: string;
  /** The value seen and the value wanted. */
  readonly description: string;
}

export interface AccessErrorDetails {
  /** Facts about this occurrence, for programs. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly Violation[];
  readonly cause?: unknown;
}

/** The one error that crosses Curfew's layers: a closed reason and a message for the caller. */
export class AccessError extends Error {
  override readonly name = 'AccessError';
  readonly reason: Reason;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly Violation[];

  /** @param message what was seen, what is wanted and what to do next; never a token, a reason text or SQL */
  constructor(reason: Reason, message: string, details: AccessErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.reason = reason;
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
  }
}

/** An error about one field: seen and wanted are said in `description`. */
export function fieldError(
  field: string,
  description: string,
  reason: Reason = 'FIELD_INVALID',
): AccessError {
  return new AccessError(reason, `${field}: ${description}`, { violations: [{ field, description }] });
}
