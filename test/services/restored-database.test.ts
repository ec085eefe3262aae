import { expect, it } from 'vitest';
import { EndReason } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { migrate } from '../../services/migrate/migrate.ts';
import { ROLE_PASSWORDS } from '../support/postgres-server.ts';
import { startStack } from '../support/stack.ts';
import { database, grantIdOf, submit, submitted, vote } from './grant/ask.ts';

const patiently = { timeout: 60_000 };

it('D10 after a restore that is said no grant of the backup permits, and services that run go on in the new history', async () => {
  await using stack = await startStack();
  const ada = await stack.as('ada');
  const question = { principal: { type: 'User', id: 'ada' }, action: 'read', resource: database('orders') };
  const effect = async (): Promise<string> => (await ada.authorize(question)).effect;
  const id = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'ada'))).request);
  await expect.poll(effect, patiently).toBe('allow');
  const { endedGrants } = await migrate({
    ownerUrl: stack.database.ownerUrl,
    passwords: ROLE_PASSWORDS,
    isNewEpoch: true,
  });
  expect(endedGrants).toBe(1);
  await expect.poll(effect, patiently).toBe('deny');
  const isAsked = async (): Promise<boolean> => (await submit(stack, 'ada')).revision > 0n;
  await expect.poll(() => isAsked().catch(() => false), patiently).toBe(true);
  expect((await ada.services.grants.getGrant({ id })).grant?.endReason).toBe(EndReason.REVOKED);
  expect(stack.logs.join()).toContain('the epoch has changed: the database was restored');
});
