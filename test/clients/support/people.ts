import { expect } from 'vitest';
import type { Stack } from '../../support/stack.ts';
import { type Run, runCurfew, runHere } from './run-curfew.ts';

/** The command line as people of a real stack call it. */
export function people(stack: () => Stack) {
  async function curfew(who: string, ...args: readonly string[]): Promise<Run> {
    const env = {
      CURFEW_DECISION_ADDRESS: `127.0.0.1:${stack().decision.port}`,
      CURFEW_GRANT_ADDRESS: `127.0.0.1:${stack().grant.port}`,
      CURFEW_TOKEN: await stack().issuer.token('User', who),
    };
    return await runHere(args, { env });
  }

  /** Runs; `told` is called with all of stderr and stdout whenever there is more. */
  async function waiting(
    who: string,
    words: readonly string[],
    told: (stderr: string, stdout: string) => Promise<Run> | undefined,
  ): Promise<Run> {
    const env = {
      CURFEW_DECISION_ADDRESS: `127.0.0.1:${stack().decision.port}`,
      CURFEW_GRANT_ADDRESS: `127.0.0.1:${stack().grant.port}`,
      CURFEW_TOKEN: await stack().issuer.token('User', who),
    };
    const answers: Promise<Run>[] = [];
    const run = await runCurfew(words, {
      env,
      during(child) {
        const seen = { stdout: '', stderr: '' };
        for (const stream of ['stdout', 'stderr'] as const)
          child[stream]?.on('data', (text) => {
            seen[stream] += String(text);
            const answer = idIn(seen.stdout) === '' ? undefined : told(seen.stderr, seen.stdout);
            if (answer !== undefined) answers.push(answer);
          });
      },
    });
    await Promise.all(answers);
    return run;
  }

  /** Asks as ada, without waiting, and gives the id of the request and of its grant. */
  async function asked(resource: string, ...options: readonly string[]) {
    const words = ['request', 'read', `Database::${resource}`, '-r', 'to see', '--no-wait', '-o', 'json'];
    const { stdout, stderr } = await curfew('ada', ...words, ...options);
    expect(stderr).toBe('');
    const { request } = JSON.parse(stdout) as { request: { id: string; items: { grantId?: string }[] } }; // proto JSON
    return { id: request.id, grantId: request.items[0]?.grantId ?? '' };
  }
  return { curfew, waiting, asked };
}

/** The id of the request that is shown; empty when there is none yet. */
export function idIn(shown: string): string {
  return /Request (\S+)/.exec(shown)?.[1] ?? '';
}
