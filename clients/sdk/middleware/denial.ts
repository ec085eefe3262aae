import { create } from '@bufbuild/protobuf';
import {
  type AuthorizeResponse,
  AuthorizeResponseSchema,
  Effect,
} from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import type { AccessDenied } from '../access-denied.ts';

/** What is said where no decision could be had; why is told to `onError` of the client. */
export const noDecision = 'whether this is permitted could not be found out; try again';

/** What a denied caller is told beside the message, as programs read it: how to get access, and nothing of the policies. */
export function denialOf({ decisionId, advice, accessOptions }: AccessDenied): AuthorizeResponse {
  return create(AuthorizeResponseSchema, {
    effect: Effect.DENY,
    decisionId,
    advice: [...advice],
    accessOptions: [...accessOptions],
  });
}
