import { afterEach, expect, test } from 'vitest';
import { createCurfew, type Curfew, type Question } from '../../../clients/sdk/index.ts';
import { openLink } from '../../chaos/link.ts';
import { startOwnPostgres } from '../../support/own-postgres.ts';
import { createDatabaseOn } from '../../support/postgres.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const STALENESS_BOUND_MS = 2_000;
const WATCHED_MS = 2 * STALENESS_BOUND_MS + 1_000;
const question: Question = {
  principal: { type: 'User', id: 'ada' },
  action: 'read',
  resource: { type: 'Database', id: 'scratch' },
};

const clients: Curfew[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

async function edgeOf({ issuer }: Stack, port: number): Promise<Curfew> {
  const edge = createCurfew({
    decisionAddress: `127.0.0.1:${port}`,
    token: await issuer.token('Service', 'robot'),
    authorizeTimeoutMs: 300,
    edgeCache: true,
  });
  clients.push(edge);
  return edge;
}

async function grantAndKeep(stack: Stack, edge: Curfew): Promise<string> {
  const { request } = await (await stack.as('ada')).requestAccess({
    items: [{ resource: question.resource, actions: ['read'] }],
    durationMs: 600_000,
    reason: 'a test',
  });
  await untilKept(edge);
  return request?.items[0]?.grantId ?? '';
}

async function untilKept(edge: Curfew): Promise<void> {
  await expect
    .poll(async () => (await edge.isAllowed(question)) && hitsOf(edge) > 0, { timeout: 60_000 })
    .toBe(true);
}

function hitsOf(edge: Curfew): number {
  return edge.edgeStatus?.hits ?? 0;
}

/** How long after the call the last ALLOW came from the cache, in milliseconds; -1 when none did. */
async function lastAllowMs(edge: Curfew): Promise<number> {
  const startedMs = performance.now();
  let last = -1;
  while (performance.now() - startedMs < WATCHED_MS) {
    const hits = hitsOf(edge);
    const askedMs = performance.now() - startedMs;
    if ((await edge.isAllowed(question)) && hitsOf(edge) > hits) last = askedMs;
    await new Promise(setImmediate);
  }
  return last;
}

test('a stream that hangs gives no ALLOW for longer than twice S after a revocation', {
  timeout: 120_000,
}, async () => {
  await using stack = await startStack();
  const link = await openLink(stack.decision.port);
  const edge = await edgeOf(stack, Number(new URL(link.through('http://127.0.0.1:1')).port));
  const grantId = await grantAndKeep(stack, edge);
  link.hang();
  const security = await stack.as('cy');
  await security.services.grants.revokeGrants({ ids: [grantId], reason: 'a test' });
  expect(await lastAllowMs(edge)).toBeLessThan(2 * STALENESS_BOUND_MS);
  edge.close();
  await link.close();
});

test('a stream that is cut leaves nothing kept', { timeout: 120_000 }, async () => {
  await using stack = await startStack();
  const link = await openLink(stack.decision.port);
  const edge = await edgeOf(stack, Number(new URL(link.through('http://127.0.0.1:1')).port));
  await grantAndKeep(stack, edge);
  link.cut();
  await expect.poll(() => edge.edgeStatus?.entries, { interval: 1, timeout: 5_000 }).toBe(0);
  await untilKept(edge);
  edge.close();
  await link.close();
});

test('a database that is frozen gives no ALLOW from the cache after S, and what was kept is used again after', {
  timeout: 120_000,
}, async () => {
  await using server = await startOwnPostgres();
  await using stack = await startStack({ database: await createDatabaseOn(server.url) });
  const edge = await edgeOf(stack, stack.decision.port);
  await grantAndKeep(stack, edge);
  const thaw = await server.freeze();
  let last: number;
  try {
    last = await lastAllowMs(edge);
    expect(edge.edgeStatus).toMatchObject({ isLive: false, entries: 1 });
  } finally {
    thaw();
  }
  expect(last).toBeLessThan(STALENESS_BOUND_MS);
  const hits = hitsOf(edge);
  await expect
    .poll(async () => (await edge.isAllowed(question)) && hitsOf(edge) > hits, { timeout: 60_000 })
    .toBe(true);
});
