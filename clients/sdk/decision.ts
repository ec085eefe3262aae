import type {
  AuthorizeResponse,
  BatchAuthorizeResult,
} from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { Effect } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { CurfewError } from './curfew-error.ts';

/** What came of a question. Only `allow` permits; `error` is the lack of an answer and no more a permission than `deny` is. */
export type Decision =
  | { readonly effect: 'allow' | 'deny'; readonly answer: AuthorizeResponse }
  | { readonly effect: 'error'; readonly error: CurfewError };

/** Reads an answer. What does not plainly say ALLOW or DENY, or is not whole, is an error. */
export function toDecision(answer: AuthorizeResponse): Decision {
  if (answer.decisionId === '' || answer.decidedAt === undefined)
    return noAnswer('the answer has no decision_id or no decided_at; is this address a Curfew service?');
  switch (answer.effect) {
    case Effect.ALLOW:
      return { effect: 'allow', answer };
    case Effect.DENY:
      return { effect: 'deny', answer };
    default:
      return noAnswer(
        `seen effect ${answer.effect}, wanted ${Effect.ALLOW} (allow) or ${Effect.DENY} (deny)`,
      );
  }
}

/** Reads the answers of a batch, in the order asked. A batch with too few or too many answers is none at all. */
export function toDecisions(results: readonly BatchAuthorizeResult[], asked: number): readonly Decision[] {
  if (results.length !== asked) {
    const decision = noAnswer(`seen ${results.length} answers, wanted ${asked}, one for each question`);
    return Array.from({ length: asked }, () => decision);
  }
  return results.map(({ result }) => {
    switch (result.case) {
      case 'response':
        return toDecision(result.value);
      case 'status':
        return { effect: 'error', error: CurfewError.fromStatus(result.value) };
      case undefined:
        return noAnswer('the answer to this question is empty');
    }
  });
}

function noAnswer(problem: string): Decision {
  return { effect: 'error', error: new CurfewError('INTERNAL', problem) };
}
