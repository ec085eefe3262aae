import { type Enforcer, findRefusal, type QuestionOf } from './refusal.ts';

/** A middleware as Hono takes it. */
export type Middleware<C> = (context: C, next: () => Promise<void>) => Promise<Response | undefined>;

/**
 * Lets a request through to the handlers after it only on an explicit ALLOW. A deny is answered with 403 and how to get access, the
 * lack of an answer with 503.
 *
 * @param questionOf what it throws goes to `app.onError`, so that it may answer 401 or 404 itself
 */
export function requireAccess<C>(curfew: Enforcer, questionOf: QuestionOf<C>): Middleware<C> {
  return async (context, next) => {
    const refusal = await findRefusal(curfew, questionOf, context);
    if (refusal !== undefined) return new Response(refusal.body, refusal);
    await next();
    return undefined;
  };
}
