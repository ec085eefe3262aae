import { type ServerInterceptor, ServerInterceptingCall, status as Code } from '@grpc/grpc-js';
import { AccessError } from '../access/access-error.ts';
import { toStatusObject } from './status.ts';

/**
 * Gives grpc-js's own refusals the form of ours. grpc-js sends them from below every interceptor's responder, so the call's own
 * `sendStatus` is what is wrapped.
 */
export function nameTransportErrors(maxMessageBytes: number): ServerInterceptor {
  return (_method, call) => {
    const send = call.sendStatus.bind(call);
    call.sendStatus = (status) => {
      const named = status.metadata == null ? nameError(status, maxMessageBytes) : undefined;
      send(named === undefined ? status : toStatusObject(named));
    };
    return new ServerInterceptingCall(call);
  };
}

function nameError({ code, details }: { code: Code; details: string }, maxMessageBytes: number) {
  if (code === Code.RESOURCE_EXHAUSTED) {
    const limit = String(maxMessageBytes);
    const message = `the request is larger than ${limit} bytes, wanted at most that many; send less at once`;
    return new AccessError('TOO_MUCH', message, { metadata: { limit, unit: 'bytes' } });
  }
  if (code === Code.INTERNAL && details === 'Failed to decompress message') {
    return new AccessError('FIELD_INVALID', 'the request is not compressed as its grpc-encoding says');
  }
  return undefined;
}
