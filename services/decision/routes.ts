import { type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { fieldError } from '../../core/access/access-error.ts';
import type { EntityUid } from '../../core/access/entity.ts';
import { type CallContext, type Route, route } from '../../core/rpc/route.ts';
import { isFault, toRpcStatus } from '../../core/rpc/status.ts';
import { fromProtoUid } from '../../core/rpc/uid.ts';
import type { Logger } from '../../core/runtime/log.ts';
import {
  type AuthorizeRequest,
  AuthorizeRequestSchema,
  type BatchAuthorizeRequest,
  type BatchAuthorizeResponseSchema,
  DecisionService,
  type WatchChangesRequest,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { authorize, type DecisionContext } from './authorize.ts';
import { batchAuthorize, type Result } from './batch-authorize.ts';
import { getStatus } from './get-status.ts';
import { watchChanges, type WatchContext } from './changes/watch-changes.ts';
import { BATCH_EXPLAINED, BATCH_QUESTIONS, QUESTION_BYTES, WATCHED_PRINCIPALS } from './limits.ts';
import { checkQuestionSize, readQuestion } from './question.ts';
import { toResponse, toStatusResponse, toWatchResponse } from './to-response.ts';
import type { Asking } from './uses.ts';

/** What streams of changes take. */
export type Watching = Pick<WatchContext, 'changes' | 'observeWatch'>;

/** Binds the decision service's use cases to its proto. */
export function decisionRoute(context: DecisionContext, watching: Watching, logger: Logger): Route {
  return route(
    DecisionService,
    {
      async authorize(request: AuthorizeRequest, call: CallContext) {
        checkQuestionSize(call.requestBytes, 'the question');
        const answer = await authorize(context, askingOf(call), readQuestion(request));
        return toResponse(answer, request.explain);
      },
      batchAuthorize: (request: BatchAuthorizeRequest, call: CallContext) =>
        answerBatch(context, request, call, logger),
      async *watchChanges({ principals }: WatchChangesRequest, { caller, signal }: CallContext) {
        const watch = { caller, principals: readPrincipals(principals), signal };
        for await (const told of watchChanges({ ...context, ...watching }, watch))
          yield toWatchResponse(told);
      },
      async getStatus() {
        return toStatusResponse(getStatus(context), context.staleStandingMs);
      },
    },
    // The conversion checks lengths and counts; rules in the proto would cost as much as the decision.
    { validate: false },
  );
}

function readPrincipals(sent: WatchChangesRequest['principals']): readonly EntityUid[] {
  if (sent.length > WATCHED_PRINCIPALS)
    throw fieldError(
      'principals',
      `seen ${sent.length}, wanted at most ${WATCHED_PRINCIPALS}; none means anybody`,
    );
  return sent.map((principal, index) => fromProtoUid(principal, `principals[${index}]`));
}

async function answerBatch(
  context: DecisionContext,
  { requests }: BatchAuthorizeRequest,
  call: CallContext,
  logger: Logger,
): Promise<MessageInitShape<typeof BatchAuthorizeResponseSchema>> {
  if (requests.length === 0 || requests.length > BATCH_QUESTIONS) {
    throw fieldError('requests', `seen ${requests.length}, wanted 1 to ${BATCH_QUESTIONS}`);
  }
  call.weigh(requests.length);
  const explained = requests.filter((request) => request.explain).length;
  if (explained > BATCH_EXPLAINED) {
    const seen = `seen ${explained} questions with explain`;
    throw fieldError('requests', `${seen}, wanted at most ${BATCH_EXPLAINED} in one batch`);
  }
  const read = requests.map((request, index) => () => {
    if (call.requestBytes > QUESTION_BYTES) {
      checkQuestionSize(toBinary(AuthorizeRequestSchema, request).byteLength, `requests[${index}]`);
    }
    return readQuestion(request, `requests[${index}].`);
  });
  const results = await batchAuthorize(context, askingOf(call), read);
  return {
    results: results.map((result, index) => toResult(result, requests[index]?.explain === true, logger)),
  };
}

function askingOf({ caller, authorization, signal }: CallContext): Asking {
  return { caller: caller.uid, authorization, signal };
}

function toResult(result: Result, explain: boolean, logger: Logger) {
  if (result.kind === 'answer') {
    return { result: { case: 'response', value: toResponse(result.answer, explain) } } as const;
  }
  if (isFault(result.error)) logger.error({ err: result.error }, 'a question of a batch failed');
  return { result: { case: 'status', value: toRpcStatus(result.error) } } as const;
}
