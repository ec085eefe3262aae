import type { ServerHttp2Stream } from 'node:http2';
import type { Metadata, ServerInterceptor } from '@grpc/grpc-js';
import { AccessError, type Reason } from '../access/access-error.ts';
import type { Logger } from '../runtime/log.ts';
import type { ClientCertificate, Credentials, Identify } from './identity.ts';
import type { RefusedPeers } from './refused-peers.ts';
import type { Caller } from './route.ts';
import { isFault } from './status.ts';

type Call = Pick<Parameters<ServerInterceptor>[1], 'getAuthContext' | 'getConnectionInfo'>;

/** A call of which nothing has been read but its headers. */
export interface ArrivedCall extends Call {
  readonly path: string;
  readonly stream: Pick<ServerHttp2Stream, 'session'>;
}

export interface Authentication {
  /**
   * Who calls, by the headers, before a byte of the body is read: nobody unknown makes the server hold or decode a message. At once for
   * whoever has called on that connection before; undefined where nobody need be known.
   * @throws AccessError at once or through the promise; it has been counted and, where it is a fault, logged
   */
  identify(call: ArrivedCall, metadata: Metadata): Caller | undefined | Promise<Caller>;
  /** Whoever has called on that connection before, by the same header; undefined where `identify` has to say. */
  recall(connection: object, authorization: string): Caller | undefined;
}

export interface AuthenticationOptions {
  readonly identify: Identify;
  readonly logger: Logger;
  /** Whether the method at that path needs no credentials. */
  readonly isPublic: (path: string) => boolean;
  readonly refusedPeers: Pick<RefusedPeers, 'whyOf'>;
  /** Told why a caller is not known. */
  readonly onRefused: (reason: Reason) => void;
}

/** Identifies callers by their headers. */
export function createAuthentication(options: AuthenticationOptions): Authentication {
  const { identify, isPublic, refusedPeers, logger, onRefused } = options;

  function refuse(error: unknown, rpc: string): never {
    if (isFault(error)) logger.error({ err: error, rpc }, 'cannot identify the caller');
    onRefused(error instanceof AccessError ? error.reason : 'INTERNAL');
    throw error;
  }

  async function identifyAnew(credentials: Credentials): Promise<Caller> {
    try {
      return await identify(credentials);
    } catch (error) {
      return refuse(error, credentials.path);
    }
  }

  return {
    identify(call, metadata) {
      const { path } = call;
      if (isPublic(path)) return undefined;
      const authorization = metadata.get('authorization').map(String);
      const connection = call.stream.session;
      try {
        const known = connection === undefined ? undefined : identify.recall(connection, authorization);
        if (known !== undefined) return known;
      } catch (error) {
        return refuse(error, path);
      }
      return identifyAnew({
        path,
        authorization,
        certificate: () => certificateOf(call, refusedPeers),
        connection,
      });
    },
    recall(connection, authorization) {
      try {
        return identify.recall(connection, [authorization]);
      } catch {
        return undefined; // `identify` says why, and has it counted
      }
    },
  };
}

function certificateOf(call: Call, refusedPeers: Pick<RefusedPeers, 'whyOf'>): ClientCertificate | undefined {
  const certificate = call.getAuthContext().sslPeerCertificate;
  if (certificate !== undefined) {
    const { subjectaltname, valid_to } = certificate;
    return { kind: 'verified', names: subjectaltname ?? '', expiresAt: new Date(valid_to) };
  }
  const why = refusedPeers.whyOf(call.getConnectionInfo());
  return why === undefined ? undefined : { kind: 'refused', why };
}
