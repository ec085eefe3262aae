import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCurfew, type Curfew, type Question } from '../../../clients/sdk/index.ts';
import { startStack, type Stack } from '../../support/stack.ts';

let stack: Stack;
let edge: Curfew;

const database = (id: string) => ({ type: 'Database', id });
const readScratch: Question = {
  principal: { type: 'User', id: 'ada' },
  action: 'read',
  resource: database('scratch'),
};

beforeAll(async () => {
  stack = await startStack();
  edge = createCurfew({
    decisionAddress: `127.0.0.1:${stack.decision.port}`,
    token: await stack.issuer.token('Service', 'robot'),
    authorizeTimeoutMs: 10_000,
    edgeCache: true,
  });
}, 60_000);
afterAll(async () => {
  edge?.close();
  await stack?.[Symbol.asyncDispose]();
});

/** Until the cache itself gives the answer. */
async function expectKept(question: Question, wanted: boolean): Promise<void> {
  await expect
    .poll(
      async () => {
        const hits = edge.edgeStatus?.hits ?? 0;
        const isAllowed = await edge.isAllowed(question);
        return isAllowed === wanted && (edge.edgeStatus?.hits ?? 0) > hits;
      },
      { timeout: 60_000 },
    )
    .toBe(true);
}

async function grantScratch(): Promise<string> {
  const ada = await stack.as('ada');
  const { request } = await ada.requestAccess({
    items: [{ resource: database('scratch'), actions: ['read'] }],
    durationMs: 600_000,
    reason: 'a test',
  });
  return request?.items[0]?.grantId ?? '';
}

test('an answer is kept, and forgotten when the grant is revoked', async () => {
  await expectKept(readScratch, false);
  const grantId = await grantScratch();
  await expectKept(readScratch, true);
  const security = await stack.as('cy');
  await security.services.grants.revokeGrants({ ids: [grantId], reason: 'a test' });
  await expect.poll(() => edge.isAllowed(readScratch), { timeout: 1_000, interval: 1 }).toBe(false);
  await expectKept(readScratch, false);
});

test('a lock on the environment and its lifting reach what is inside of it', async () => {
  await grantScratch();
  await expectKept(readScratch, true);
  const security = await stack.as('cy');
  const target = { type: 'Environment', id: 'test' };
  const { lock } = await security.services.locks.createLock({ entity: target, reason: 'a test' });
  await expectKept(readScratch, false);
  await (await stack.as('dee')).services.locks.deleteLock({ id: lock?.id ?? '', reason: 'a test' });
  await expectKept(readScratch, true);
  expect(edge.edgeStatus).toMatchObject({ isLive: true });
});

test('who may not watch keeps nothing, and is answered all the same', async () => {
  const errors: string[] = [];
  const eve = createCurfew({
    decisionAddress: `127.0.0.1:${stack.decision.port}`,
    token: await stack.issuer.token('User', 'eve'),
    authorizeTimeoutMs: 10_000,
    edgeCache: { onError: (error) => errors.push(error.code) },
  });
  const question = { ...readScratch, principal: { type: 'User', id: 'eve' } };
  expect(await eve.isAllowed(question)).toBe(false);
  await expect.poll(() => errors).toEqual(['PERMISSION_DENIED']);
  expect(eve.edgeStatus).toMatchObject({ isLive: false, entries: 0 });
  eve.close();
});

test('a principal may watch themself', async () => {
  const eve = { type: 'User', id: 'eve' };
  const own = createCurfew({
    decisionAddress: `127.0.0.1:${stack.decision.port}`,
    token: await stack.issuer.token('User', 'eve'),
    authorizeTimeoutMs: 10_000,
    edgeCache: { principals: [eve] },
  });
  await expect
    .poll(
      async () => {
        await own.isAllowed({ ...readScratch, principal: eve });
        return own.edgeStatus?.hits;
      },
      { timeout: 60_000 },
    )
    .toBeGreaterThan(0);
  own.close();
});
