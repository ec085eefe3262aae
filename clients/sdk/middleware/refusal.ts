import { toJson } from '@bufbuild/protobuf';
import { AccessOptionSchema } from '../../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { AccessDenied } from '../access-denied.ts';
import type { Decisions } from '../decide.ts';
import type { Question } from '../question.ts';

/** What a client of Curfew can do that a middleware needs. */
export type Enforcer = Pick<Decisions, 'enforce'>;

/** Makes the question of one request; who is asking must have been proved before. What it throws is the framework's to answer. */
export type QuestionOf<R> = (request: R) => Question | Promise<Question>;

/** An HTTP answer in the place of the handler's: `application/problem+json`, RFC 9457. */
export interface Refusal {
  readonly status: 403 | 503;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Undefined on an explicit ALLOW, and only then may the handler run. @throws Error of the question's own making */
export async function findRefusal<R>(
  curfew: Enforcer,
  questionOf: QuestionOf<R>,
  request: R,
): Promise<Refusal | undefined> {
  const question = await makeQuestion(questionOf, request);
  try {
    await curfew.enforce(question);
    return undefined;
  } catch (error) {
    return error instanceof AccessDenied ? denied(error) : unavailable;
  }
}

/** The question, or an Error: to a framework one that is undefined, or a word such as `route`, may mean that all is well. */
export async function makeQuestion<R>(questionOf: QuestionOf<R>, request: R): Promise<Question> {
  try {
    return await questionOf(request);
  } catch (error) {
    throw error instanceof Error ? error : new Error('the question was not made', { cause: error });
  }
}

function denied({ advice, accessOptions, command, decisionId }: AccessDenied): Refusal {
  const how = accessOptions.length === 0 ? 'How to get access' : 'Access can be requested';
  return problem(403, {
    type: 'urn:curfew:access-denied',
    title: 'Access denied',
    detail: [...advice, `${how}: ${command}`].join('. '),
    advice,
    accessOptions: accessOptions.map((option) => toJson(AccessOptionSchema, option)),
    command,
    decisionId,
  });
}

function problem(status: Refusal['status'], members: object): Refusal {
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
    body: JSON.stringify({ status, ...members }),
  };
}

/** Why is told to `onError` of the client: a caller is not to learn the insides of the network. */
const unavailable = problem(503, {
  type: 'urn:curfew:no-decision',
  title: 'No decision',
  detail: 'Whether this is permitted could not be found out. Try again.',
});
