import type { DescMethod } from '@bufbuild/protobuf';
import { Metadata } from '@grpc/grpc-js';
import type { CurfewError, ErrorCode } from './curfew-error.ts';

/** Methods that change nothing; a decision on a metered grant is one use however often its `use_id` is asked. */
const changesNothing = /^(?:Authorize|BatchAuthorize|Get|List|Verify|Validate)/;

/** Whether a call may be sent a second time when nobody knows what became of the first. */
export function isRepeatable({ name }: DescMethod, request: object): boolean {
  const key = 'idempotencyKey' in request ? request.idempotencyKey : '';
  return changesNothing.test(name) || (typeof key === 'string' && key !== '');
}

/** How a connection or a replica that breaks shows; a question that cannot be answered has other codes. */
const breakages: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'INTERNAL', 'UNKNOWN', 'CANCELLED']);

/** Whether another connection could have the answer. A service that asks to be left alone is. */
export function isBreakage(error: CurfewError): boolean {
  return breakages.has(error.code) && pushbackOf(error) === undefined;
}

/**
 * How long a service that has too much to do asks to be left alone, in milliseconds, negative for good; undefined when it does not. gRPC's
 * `grpc-retry-pushback-ms`, github.com/grpc/proposal/blob/master/A6-client-retries.md.
 */
export function pushbackOf({ cause }: CurfewError): number | undefined {
  if (typeof cause !== 'object' || cause === null || !('metadata' in cause)) return undefined;
  if (!(cause.metadata instanceof Metadata)) return undefined;
  const [text] = cause.metadata.get('grpc-retry-pushback-ms');
  if (text === undefined) return undefined;
  return /^\d{1,9}$/.test(String(text)) ? Number(text) : -1; // what is no number means never, says gRPC
}
