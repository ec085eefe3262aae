import type { ServerResponse } from 'node:http';
import { type Enforcer, findRefusal, type QuestionOf } from './refusal.ts';

/** A middleware as Express, Connect and their like take it. */
export type Middleware<R> = (request: R, response: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Lets a request through to the handlers after it only on an explicit ALLOW. A deny is answered with 403 and how to get access, the
 * lack of an answer with 503.
 *
 * @param questionOf what it throws goes to the error handlers, so that it may answer 401 or 404 itself
 */
export function requireAccess<R>(curfew: Enforcer, questionOf: QuestionOf<R>): Middleware<R> {
  return (request, response, next) => {
    void findRefusal(curfew, questionOf, request).then((refusal) => {
      if (refusal === undefined) next();
      else response.writeHead(refusal.status, refusal.headers).end(refusal.body);
    }, next);
  };
}
