import { status as Code } from '@grpc/grpc-js';
import { AccessError } from '../access/access-error.ts';
import type { SentStatus } from './observe-calls.ts';
import { toStatusObject } from './status.ts';

/** Gives grpc-js's own refusals the form of ours; whatever else is sent stays as it is. */
export function nameTransportError(status: SentStatus, maxMessageBytes: number): SentStatus {
  const named = status.metadata == null ? nameError(status, maxMessageBytes) : undefined;
  return named === undefined ? status : toStatusObject(named);
}

function nameError({ code, details }: SentStatus, maxMessageBytes: number): AccessError | undefined {
  if (code === Code.RESOURCE_EXHAUSTED) {
    return tooLarge(maxMessageBytes);
  }
  if (code === Code.INTERNAL && details === 'Failed to decompress message') {
    return new AccessError('FIELD_INVALID', 'the request is not compressed as its grpc-encoding says');
  }
  return undefined;
}

/** What whoever sends a larger message is told. */
export function tooLarge(maxMessageBytes: number): AccessError {
  const limit = String(maxMessageBytes);
  const message = `the request is larger than ${limit} bytes, wanted at most that many; send less at once`;
  return new AccessError('TOO_MUCH', message, { metadata: { limit, unit: 'bytes' } });
}
