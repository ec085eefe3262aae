import type { CallContext } from '../../core/rpc/route.ts';
import { decode } from '../../core/rpc/messages.ts';
import { AuthorizeRequestSchema } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { answerAgain, noteAnswered } from './answer-again.ts';
import { answerBytes } from './answer-bytes.ts';
import { authorize, type DecisionContext } from './authorize.ts';
import { momentOf } from './moment.ts';
import { checkQuestionSize, readQuestion } from './question.ts';
import { askingOf } from './uses.ts';

/**
 * `Authorize`, from the encoded request to the encoded response: at once for what is known, by then without looking into it.
 * @throws AccessError at once or through the promise, for lack of an answer
 */
export function authorizeInBytes(
  context: DecisionContext,
  bytes: Uint8Array,
  call: CallContext,
): Uint8Array | Promise<Uint8Array> {
  const known = context.memo.known.find(bytes);
  if (known === undefined) return read(context, bytes, call);
  const moment = momentOf(context.followed.clock, context.staleStandingMs);
  const answer = answerAgain(context, moment, call.caller.uid, known);
  return answer === undefined ? read(context, bytes, call) : answerBytes(answer, false);
}

async function read(context: DecisionContext, bytes: Uint8Array, call: CallContext): Promise<Uint8Array> {
  checkQuestionSize(bytes.length, 'the question');
  const request = decode(AuthorizeRequestSchema, bytes);
  const question = readQuestion(request);
  const answer = await authorize(context, askingOf(call), question);
  noteAnswered(context, bytes, question, answer);
  return answerBytes(answer, request.explain);
}
