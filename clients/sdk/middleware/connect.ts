import {
  Code,
  ConnectError,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
} from '@connectrpc/connect';
import { AuthorizeResponseSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { AccessDenied } from '../access-denied.ts';
import { denialOf, noDecision } from './denial.ts';
import { type Enforcer, makeQuestion, type QuestionOf } from './refusal.ts';

/** A call before its handler; of a streaming one the messages are still to come. */
export type ConnectRequest = UnaryRequest | StreamRequest;

/**
 * An interceptor for handlers that lets a call through only on an explicit ALLOW. A deny is PERMISSION_DENIED with how to get access in
 * its message and, as a `curfew.decision.v1.AuthorizeResponse`, in its details; the lack of an answer is UNAVAILABLE.
 *
 * @param questionOf what it throws is the answer, so that it may answer UNAUTHENTICATED or NOT_FOUND itself
 */
export function requireAccess(curfew: Enforcer, questionOf: QuestionOf<ConnectRequest>): Interceptor {
  return (next) => async (request) => {
    const question = await makeQuestion(questionOf, request);
    try {
      await curfew.enforce(question);
    } catch (error) {
      if (!(error instanceof AccessDenied)) throw new ConnectError(noDecision, Code.Unavailable);
      const detail = { desc: AuthorizeResponseSchema, value: denialOf(error) };
      throw new ConnectError(error.message, Code.PermissionDenied, undefined, [detail]);
    }
    return await next(request);
  };
}
