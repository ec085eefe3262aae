import type { Curfew, Question } from '../../clients/sdk/index.ts';
import { start } from '../support/running.ts';
import { summarize } from './summary.ts';

const ROUNDS = 200;
const QUESTION: Question = {
  principal: { type: 'User', id: 'ada' },
  action: 'read',
  resource: { type: 'Database', id: 'orders' },
};

/** How long after the acknowledgement of a change another process decides by it; and that a decision at its revision always does. */
export async function propagation(): Promise<void> {
  await using running = await start();
  const [ada, grace, security] = await Promise.all([
    running.as('ada'),
    running.as('grace'),
    running.as('dorothy'),
  ]);
  const allowMs: number[] = [];
  const denyMs: number[] = [];
  const wrong: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // In every other round the first question carries the revision, and its answer must already be right.
    const isByRevision = round % 2 === 1;
    const approved = await approve(ada, grace);
    if (isByRevision && (await decide(ada, approved.revision)) !== 'allow')
      wrong.push(`round ${round}: approve`);
    allowMs.push(await untilEffect(ada, 'allow'));
    const { revision } = await security.services.grants.revokeGrants({
      ids: [approved.grantId],
      reason: 'bench',
    });
    if (isByRevision && (await decide(ada, revision)) !== 'deny') wrong.push(`round ${round}: revoke`);
    denyMs.push(await untilEffect(ada, 'deny'));
  }
  console.log(
    `${ROUNDS} rounds, decision and grant service in processes of their own, asked in a loop by one client`,
  );
  console.log(summarize('approve → ALLOW', allowMs));
  console.log(summarize('revoke  → DENY', denyMs));
  console.log(`at the revision of the change: ${wrong.length} of ${ROUNDS} wrong ${wrong.join(', ')}`);
  if (wrong.length > 0) process.exitCode = 1;
}

/** Has Grace approve that Ada reads the database. */
export async function approve(ada: Curfew, grace: Curfew) {
  const { request } = await ada.requestAccess({
    items: [{ resource: QUESTION.resource, actions: ['read'] }],
    durationMs: 600_000,
    reason: 'bench',
  });
  const { request: decided, revision } = await grace.services.grants.reviewAccessRequest({
    id: request?.id ?? '',
    requestHash: request?.requestHash ?? new Uint8Array(),
    verdict: 1,
  });
  return { revision, grantId: decided?.items[0]?.grantId ?? '' };
}

async function decide(curfew: Curfew, atLeastRevision: bigint): Promise<string> {
  return (await curfew.authorize({ ...QUESTION, atLeastRevision })).effect;
}

async function untilEffect(curfew: Curfew, effect: 'allow' | 'deny'): Promise<number> {
  const startedAt = performance.now();
  while ((await curfew.authorize(QUESTION)).effect !== effect);
  return performance.now() - startedAt;
}
