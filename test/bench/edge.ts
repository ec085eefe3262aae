import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCurfew, type Curfew, type Question } from '../../clients/sdk/index.ts';
import { start } from '../support/running.ts';
import { approve } from './propagation.ts';
import { summarize } from './summary.ts';

const ROUNDS = 100;
const ASKED_MS = 3_000;
const question: Question = {
  principal: { type: 'User', id: 'ada' },
  action: 'read',
  resource: { type: 'Database', id: 'orders' },
};

/** How many answers a second the edge cache gives on one core, and how soon after the acknowledgement of a revocation it says no. */
export async function edge(): Promise<void> {
  await using running = await start();
  const [ada, grace, security] = await Promise.all([
    running.as('ada'),
    running.as('grace'),
    running.as('dorothy'),
  ]);
  const tokens: unknown = JSON.parse(await readFile(join(running.home, 'tokens.json'), 'utf8'));
  const cached = createCurfew({
    decisionAddress: running.env['CURFEW_DECISION_LISTEN'] ?? '',
    token: String((tokens as Record<string, string>)['ada']), // the format is the README's
    authorizeTimeoutMs: 10_000,
    edgeCache: { principals: [question.principal] },
  });
  const revokedMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { grantId } = await approve(ada, grace);
    await untilKept(cached);
    await security.services.grants.revokeGrants({ ids: [grantId], reason: 'bench' });
    const acknowledgedMs = performance.now();
    while (await cached.isAllowed(question)) await new Promise(setImmediate);
    revokedMs.push(performance.now() - acknowledgedMs);
  }
  console.log('one client with an edge cache; services in processes of their own on the same machine');
  console.log(summarize('revoke → edge no', revokedMs));
  await approve(ada, grace);
  await untilKept(cached);
  console.log(`isAllowed()        ${await rate(cached, question)}/s, plain question`);
  const withContext = { ...question, context: { mfa: true } };
  await untilKept(cached, withContext);
  console.log(`isAllowed()        ${await rate(cached, withContext)}/s, with one field of context`);
  cached.close();
}

async function untilKept(cached: Curfew, asked = question): Promise<void> {
  for (;;) {
    const hits = cached.edgeStatus?.hits ?? 0;
    if ((await cached.isAllowed(asked)) && (cached.edgeStatus?.hits ?? 0) > hits) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Gives way to the stream often enough for the lease to go on. */
async function rate(cached: Curfew, asked: Question): Promise<string> {
  const hits = cached.edgeStatus?.hits ?? 0;
  const startedMs = performance.now();
  let answers = 0;
  while (performance.now() - startedMs < ASKED_MS) {
    for (let turn = 0; turn < 10_000; turn += 1) await cached.isAllowed(asked);
    answers += 10_000;
    await new Promise(setImmediate);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  const share = ((cached.edgeStatus?.hits ?? 0) - hits) / answers;
  return `${Math.round(answers / seconds).toLocaleString('en')} (${(share * 100).toFixed(1)} % from the cache)`;
}
