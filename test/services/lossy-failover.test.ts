import { expect, it } from 'vitest';
import { startOwnPostgres } from '../support/own-postgres.ts';
import { createDatabaseOn } from '../support/postgres.ts';
import { startStack } from '../support/stack.ts';
import { database, grantIdOf, reasonOf, submit, submitted, vote } from './grant/ask.ts';

const patiently = { timeout: 30_000 };

it('D9 after a standby that lagged was promoted no grant of the lost history permits, and what comes then is decided by', {
  timeout: 120_000,
}, async () => {
  await using server = await startOwnPostgres({ durable: true });
  await using stack = await startStack({ database: await createDatabaseOn(server.url) });
  const ada = await stack.as('ada');
  const question = { principal: { type: 'User', id: 'ada' }, action: 'read', resource: database('orders') };
  const effect = async (): Promise<string> => (await ada.authorize(question)).effect;
  const isAsked = async (): Promise<boolean> => (await submit(stack, 'ada')).revision > 0n;
  await server.leaveStandbyBehind();
  await expect.poll(() => isAsked().catch(() => false), patiently).toBe(true);

  const lost = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'ada'))).request);
  await expect.poll(effect, patiently).toBe('allow');
  const { revision } = stack.decision.followed.replica;

  await server.failOver();
  await stack.query('SELECT pg_promote()');
  await expect.poll(effect, patiently).toBe('deny');
  expect(stack.decision.followed.replica.revision).toBeLessThan(revision);
  expect(stack.logs.join()).toContain('this is not the ledger that was followed');
  expect(await reasonOf(ada.services.grants.getGrant({ id: lost }))).toBe('GRANT_NOT_FOUND');

  // Its revisions are those of the lost history, and mean something else.
  await expect.poll(() => isAsked().catch(() => false), patiently).toBe(true);
  const again = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'ada'))).request);
  expect(again).not.toBe(lost);
  await expect.poll(effect, patiently).toBe('allow');
});
