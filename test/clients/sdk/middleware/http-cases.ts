import { expect, test } from 'vitest';
import type { Curfew, Question } from '../../../../clients/sdk/index.ts';
import { deniedProblem, notMade, readQuestion, startDeciding, startUndecided } from './deciding.ts';

/** One route, `GET /databases/:id`, behind the middleware under test. */
export interface Guarded {
  readonly port: number;
  /** How often the handler ran. */
  readonly runs: () => number;
}

/** Starts a server of the framework; it is closed when the test ends. */
export type StartGuarded = (
  curfew: Curfew,
  questionOf: (id: string) => Question | Promise<Question>,
) => Promise<Guarded>;

/** What every HTTP middleware must do, over real sockets. */
export function testHttpMiddleware(start: StartGuarded): void {
  test('an ALLOW runs the handler', async () => {
    const { port, runs } = await start(await startDeciding(), readQuestion);
    const response = await fetch(`http://127.0.0.1:${port}/databases/orders`);
    expect([response.status, await response.text(), runs()]).toEqual([200, 'rows', 1]);
  });

  test('a DENY is 403 with how to get access', async () => {
    const { port, runs } = await start(await startDeciding(), readQuestion);
    const response = await fetch(`http://127.0.0.1:${port}/databases/secrets`);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect([response.status, await response.json(), runs()]).toEqual([403, deniedProblem, 0]);
  });

  test('D16 no decision is 503 and says nothing of the network', async () => {
    for (const curfew of [await startDeciding(), startUndecided()]) {
      const { port, runs } = await start(curfew, readQuestion);
      const response = await fetch(`http://127.0.0.1:${port}/databases/stale`);
      expect([response.status, runs()]).toEqual([503, 0]);
      expect(await response.json()).toMatchObject({ status: 503, title: 'No decision' });
    }
  });

  test('D16 a question that is none is 503', async () => {
    const { port, runs } = await start(await startDeciding(), () => undefined as unknown as Question); // as plain JavaScript may
    const response = await fetch(`http://127.0.0.1:${port}/databases/orders`);
    expect([response.status, runs()]).toEqual([503, 0]);
  });

  test.for(notMade)('D16 %o in the place of a question is an error of the application', async (thrown) => {
    const fail = (): never => {
      throw thrown;
    };
    const reject = (): Promise<Question> => Promise.reject(thrown); // oxlint-disable-line prefer-promise-reject-errors -- the point
    for (const questionOf of [fail, reject]) {
      const { port, runs } = await start(await startDeciding(), questionOf);
      const response = await fetch(`http://127.0.0.1:${port}/databases/orders`);
      expect([response.status, runs()]).toEqual([500, 0]);
    }
  });

  test('the question may answer by the framework itself', async () => {
    const fail = (): never => {
      throw Object.assign(new Error('sign in'), { status: 401, statusCode: 401 });
    };
    const { port, runs } = await start(await startDeciding(), fail);
    const response = await fetch(`http://127.0.0.1:${port}/databases/orders`);
    expect([response.status, runs()]).toEqual([401, 0]);
  });
}
