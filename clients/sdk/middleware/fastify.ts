import { type Enforcer, findRefusal, type QuestionOf } from './refusal.ts';

/** What is needed of Fastify's reply. */
export interface Reply {
  code(status: number): unknown;
  headers(headers: Readonly<Record<string, string>>): unknown;
  send(body: string): unknown;
}

/**
 * A `preHandler` hook that lets a request through to its handler only on an explicit ALLOW. A deny is answered with 403 and how to get
 * access, the lack of an answer with 503.
 *
 * @param questionOf what it throws goes to the error handler, so that it may answer 401 or 404 itself
 */
export function requireAccess<R>(
  curfew: Enforcer,
  questionOf: QuestionOf<R>,
): (request: R, reply: Reply) => Promise<unknown> {
  return async (request, reply) => {
    const refusal = await findRefusal(curfew, questionOf, request);
    if (refusal === undefined) return undefined;
    reply.code(refusal.status);
    reply.headers(refusal.headers);
    return reply.send(refusal.body);
  };
}
