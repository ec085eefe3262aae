import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { Metadata, status as grpcStatus } from '@grpc/grpc-js';
import { BadRequestSchema, ErrorInfoSchema } from '../../proto/gen/google/rpc/error_details_pb.ts';
import type { Status } from '../../proto/gen/google/rpc/status_pb.ts';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.ts';

/** A gRPC status code by name. */
export type ErrorCode = Exclude<keyof typeof grpcStatus, 'OK'>;

/** A field of the call that is not as it must be. */
export interface Violation {
  /** Path in the request: `items[0].actions[1]`. */
  readonly field: string;
  /** The value seen and the value wanted. */
  readonly description: string;
}

export interface CurfewErrorDetails {
  readonly reason?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly Violation[];
  readonly cause?: unknown;
}

/** Why there is no answer. A deny is an answer and never one of these; whoever enforces treats every one of these as a deny. */
export class CurfewError extends Error {
  override readonly name = 'CurfewError';
  readonly code: ErrorCode;
  /** A name of `curfew.type.v1.ErrorReason` without its prefix; undefined when Curfew did not get to say why. */
  readonly reason: string | undefined;
  /** Facts about this occurrence, for programs. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly Violation[];

  constructor(code: ErrorCode, message: string, details: CurfewErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.reason = details.reason;
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
  }

  /** Any thrown value as a CurfewError: the one door for errors of grpc-js, of the runtime and of callers' own functions. */
  static from(error: unknown): CurfewError {
    if (error instanceof CurfewError) return error;
    if (!(error instanceof Error)) return new CurfewError('UNKNOWN', String(error), { cause: error });
    if (error.name === 'AbortError') return new CurfewError('CANCELLED', error.message, { cause: error });
    const { code, details, metadata } = error as ForeignError; // read as unknown, checked below
    if (typeof code !== 'number' || !(metadata instanceof Metadata))
      return new CurfewError('UNKNOWN', error.message, { cause: error });
    const message = typeof details === 'string' && details !== '' ? details : error.message;
    return new CurfewError(codeName(code), message, { ...readDetails(metadata), cause: error });
  }

  /** The error that a batch answers in the place of one question. */
  static fromStatus(status: Status): CurfewError {
    return new CurfewError(codeName(status.code), status.message, unpackDetails(status));
  }
}

/** An error about one argument, found before anything was sent. */
export function argumentError(field: string, description: string, cause?: unknown): CurfewError {
  const violations = [{ field, description }];
  const message = `${field}: ${description}`;
  return new CurfewError('INVALID_ARGUMENT', message, { reason: 'FIELD_INVALID', violations, cause });
}

interface ForeignError extends Error {
  readonly code?: unknown;
  readonly details?: unknown;
  readonly metadata?: unknown;
}

function codeName(code: number): ErrorCode {
  const name: unknown = grpcStatus[code];
  return typeof name === 'string' && name !== 'OK' ? (name as ErrorCode) : 'UNKNOWN'; // the enum's reverse names
}

/** The details travel as a `google.rpc.Status` in one trailer; what cannot be read of them is as good as absent. */
function readDetails(metadata: Metadata): CurfewErrorDetails {
  const [bytes] = metadata.get('grpc-status-details-bin');
  if (!(bytes instanceof Uint8Array)) return {};
  try {
    return unpackDetails(fromBinary(StatusSchema, bytes));
  } catch {
    return {}; // the code and the message stand without them
  }
}

function unpackDetails(status: Status): CurfewErrorDetails {
  const info = status.details.map((any) => anyUnpack(any, ErrorInfoSchema)).find((it) => it !== undefined);
  const bad = status.details.map((any) => anyUnpack(any, BadRequestSchema)).find((it) => it !== undefined);
  return {
    ...(info?.domain === 'curfew' ? { reason: info.reason, metadata: info.metadata } : {}),
    violations: (bad?.fieldViolations ?? []).map(({ field, description }) => ({ field, description })),
  };
}
