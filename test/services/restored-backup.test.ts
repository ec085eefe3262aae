import pg from 'pg';
import { expect, it } from 'vitest';
import { EndReason } from '../../proto/gen/curfew/grant/v1/grant_pb.ts';
import { migrate } from '../../services/migrate/migrate.ts';
import { startOwnPostgres } from '../support/own-postgres.ts';
import { createDatabaseOn } from '../support/postgres.ts';
import { ROLE_PASSWORDS } from '../support/postgres-server.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { database, grantIdOf, submit, submitted, vote } from './grant/ask.ts';

const patiently = { timeout: 30_000 };

it('D10 a grant that was revoked after the backup permits nothing when that is restored, and nor does any other', {
  timeout: 120_000,
}, async () => {
  await using server = await startOwnPostgres({ durable: true });
  await using kept = await createDatabaseOn(server.url);
  const borrowed = { ...kept, [Symbol.asyncDispose]: async () => undefined };
  let revoked = '';
  {
    await using stack = await startStack({ database: borrowed });
    revoked = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'ada'))).request);
    await expect.poll(() => effectOf(stack), patiently).toBe('allow');
    await server.leaveStandbyBehind();
    const isAsked = async (): Promise<boolean> => (await submit(stack, 'ada')).revision > 0n;
    await expect.poll(() => isAsked().catch(() => false), patiently).toBe(true);
    const security = await stack.as('dee');
    await security.services.grants.revokeGrants({ ids: [revoked], reason: 'enough' });
    await expect.poll(() => effectOf(stack), patiently).toBe('deny');
  }
  await server.failOver();
  await promote(server.url);
  await using stack = await restored(borrowed);
  expect(await effectOf(stack)).toBe('deny');
  const { grant } = await (await stack.as('ada')).services.grants.getGrant({ id: revoked });
  expect(grant?.endReason).toBe(EndReason.REVOKED);
});

/** As the operator does it: the owner says that it is a restore, before any service starts. */
async function restored(database: Stack['database']): Promise<Stack> {
  await expect.poll(() => migrated(database.ownerUrl).catch(() => 0), patiently).toBe(1);
  return await startStack({ database });
}

async function promote(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('SELECT pg_promote()');
  await client.end();
}

async function migrated(ownerUrl: string): Promise<number> {
  const { endedGrants } = await migrate({ ownerUrl, passwords: ROLE_PASSWORDS, isNewEpoch: true });
  return endedGrants;
}

async function effectOf(stack: Stack): Promise<string> {
  const ada = await stack.as('ada');
  const question = { principal: { type: 'User', id: 'ada' }, action: 'read', resource: database('orders') };
  return (await ada.authorize(question)).effect;
}
