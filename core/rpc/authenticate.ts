import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import type { Logger } from '../runtime/log.ts';
import type { ClientCertificate, Credentials, Identify } from './identity.ts';
import type { RefusedPeers } from './refused-peers.ts';
import type { Caller } from './route.ts';
import { isFault, toStatusObject } from './status.ts';

export interface Authentication {
  readonly interceptor: ServerInterceptor;
  /** Who calls, by the metadata that the handler was given. */
  readonly callerOf: (metadata: Metadata) => Caller;
}

export interface AuthenticationOptions {
  readonly identify: Identify;
  readonly logger: Logger;
  /** Whether the method at that path needs no credentials. */
  readonly isPublic: (path: string) => boolean;
  readonly refusedPeers: Pick<RefusedPeers, 'whyOf'>;
}

/** Identifies callers by their headers, before a byte of the body is read: nobody unknown makes the server hold or decode a message. */
export function createAuthentication(options: AuthenticationOptions): Authentication {
  const { identify, logger, isPublic, refusedPeers } = options;
  const callers = new WeakMap<Metadata, Caller>();

  function interceptor(...[{ path }, call]: Parameters<ServerInterceptor>): ServerInterceptingCall {
    function onReceiveMetadata(metadata: Metadata, next: (metadata: Metadata) => void): void {
      identify(credentialsOf(metadata)).then(
        (caller) => {
          callers.set(metadata, caller);
          next(metadata);
        },
        (error: unknown) => {
          if (isFault(error)) {
            logger.error({ err: error, rpc: path }, 'cannot identify the caller');
          }
          call.sendStatus(toStatusObject(error));
        },
      );
    }
    const credentialsOf = (metadata: Metadata): Credentials => ({
      path,
      authorization: metadata.get('authorization').map(String),
      certificate: () => certificateOf(call, refusedPeers),
    });
    return new ServerInterceptingCall(call, {
      start: (next) => next(isPublic(path) ? {} : { onReceiveMetadata }),
    });
  }

  function callerOf(metadata: Metadata): Caller {
    const caller = callers.get(metadata);
    if (caller === undefined) {
      throw new Error('a call reached its handler unidentified');
    }
    return caller;
  }

  return { interceptor, callerOf };
}

type InterceptedCall = Parameters<ServerInterceptor>[1];

function certificateOf(
  call: InterceptedCall,
  refusedPeers: Pick<RefusedPeers, 'whyOf'>,
): ClientCertificate | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate !== undefined) {
    const { subjectaltname, valid_to } = certificate;
    return { kind: 'verified', names: subjectaltname ?? '', expiresAt: new Date(valid_to) };
  }
  const why = refusedPeers.whyOf(call.getConnectionInfo());
  return why === undefined ? undefined : { kind: 'refused', why };
}
