import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { Metadata, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import { AuthorizeResponseSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { StatusSchema } from '../../../proto/gen/google/rpc/status_pb.ts';
import { AccessDenied } from '../access-denied.ts';
import { denialOf, noDecision } from './denial.ts';
import type { Enforcer, QuestionOf } from './refusal.ts';

/** A call before its handler. */
export interface GrpcRequest {
  /** `/acme.v1.OrderService/GetOrder` */
  readonly path: string;
  readonly metadata: Metadata;
  /** The request as the service's deserializer made it; undefined where the client streams, for the handler reads it then. */
  readonly message: unknown;
  /** `ipv4:10.0.0.7:51234` */
  readonly peer: string;
  /** What TLS knows of the caller. */
  readonly auth: ReturnType<InterceptedCall['getAuthContext']>;
}

type InterceptedCall = Parameters<ServerInterceptor>[1];
type Ending = Parameters<InterceptedCall['sendStatus']>[0];

export interface GrpcOptions {
  /** Whether whoever connects may call the method at that path, such as health checks; no method is, unless said. */
  readonly isPublic?: (path: string) => boolean;
}

/**
 * A server interceptor that lets a call through to its handler only on an explicit ALLOW. A deny is PERMISSION_DENIED with how to get
 * access in its message and, as a `curfew.decision.v1.AuthorizeResponse`, in its details; the lack of an answer is UNAVAILABLE.
 *
 * @param questionOf what it throws is the answer when it has a `code`, so that it may answer UNAUTHENTICATED or NOT_FOUND itself
 */
export function requireAccess(
  curfew: Enforcer,
  questionOf: QuestionOf<GrpcRequest>,
  { isPublic = () => false }: GrpcOptions = {},
): ServerInterceptor {
  return ({ path, requestStream }, call) => {
    const decide = async (metadata: Metadata, message: unknown, proceed: () => void): Promise<void> => {
      const request = { path, metadata, message, peer: call.getPeer(), auth: call.getAuthContext() };
      const refusal = await findRefusal(curfew, questionOf, request);
      if (refusal === undefined) proceed();
      else call.sendStatus(refusal);
    };
    let metadata = new Metadata();
    // The handler of a streaming client runs when the metadata is passed on, any other one after the message.
    const whenStreaming = {
      onReceiveMetadata: (received: Metadata, pass: (metadata: Metadata) => void) =>
        void decide(received, undefined, () => pass(received)),
    };
    const whenOne = {
      onReceiveMetadata(received: Metadata, pass: (metadata: Metadata) => void) {
        metadata = received;
        pass(received);
      },
      onReceiveMessage: (message: unknown, pass: (message: unknown) => void) =>
        void decide(metadata, message, () => pass(message)),
    };
    const listener = requestStream ? whenStreaming : whenOne;
    return new ServerInterceptingCall(call, { start: (next) => next(isPublic(path) ? {} : listener) });
  };
}

/** Never rejects: what is not an explicit ALLOW is a status. */
async function findRefusal(
  curfew: Enforcer,
  questionOf: QuestionOf<GrpcRequest>,
  request: GrpcRequest,
): Promise<Ending | undefined> {
  let question;
  try {
    question = await questionOf(request);
  } catch (error) {
    return statusOf(error);
  }
  try {
    await curfew.enforce(question);
    return undefined;
  } catch (error) {
    return error instanceof AccessDenied ? denied(error) : { code: status.UNAVAILABLE, details: noDecision };
  }
}

/** Every code of an error. */
const codes = Object.values(status).filter((it) => typeof it === 'number' && it !== status.OK);

/** An error as grpc-js has handlers throw it; anything else is a fault of the application, whose words stay inside. */
function statusOf(error: unknown): Ending {
  const { code, details, metadata }: Partial<Record<string, unknown>> = Object(error); // undefined has no fields either
  const known = codes.find((it) => it === code);
  if (known === undefined) return { code: status.INTERNAL, details: 'the question was not made' };
  return {
    code: known,
    details: typeof details === 'string' ? details : '',
    metadata: metadata instanceof Metadata ? metadata : null,
  };
}

function denied(error: AccessDenied): Ending {
  const code = status.PERMISSION_DENIED;
  const details = [anyPack(AuthorizeResponseSchema, denialOf(error))];
  const bytes = toBinary(StatusSchema, create(StatusSchema, { code, message: error.message, details }));
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(bytes));
  return { code, details: error.message, metadata };
}
