import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Effect } from '../../proto/gen/curfew/decision/v1/decision_service_pb.ts';
import { startDecisionService } from '../../services/decision/service.ts';
import { startOwnPostgres } from '../support/own-postgres.ts';
import { createDatabaseOn } from '../support/postgres.ts';
import { type Stack, startStack } from '../support/stack.ts';
import { grantIdOf, reasonOf, submit, submitted, vote } from './grant/ask.ts';

const patiently = { timeout: 30_000 };

it('D18 a standby is neither followed nor written to, by a service that starts on it or finds itself on it, until it is promoted', {
  timeout: 120_000,
}, async () => {
  await using server = await startOwnPostgres({ durable: true });
  await using stack = await startStack({ database: await createDatabaseOn(server.url) });
  const grantId = grantIdOf((await vote(stack, 'bob', await submitted(stack, 'ada'))).request);
  await expect.poll(() => effectOf(stack), patiently).toBe(Effect.ALLOW);

  await server.restartAsStandby();
  expect(await stack.query('SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: true }]);
  await expect.poll(() => effectOf(stack), patiently).toBe('NOT_READY');
  expect(stack.logs.join()).toContain('the database is a standby, which may lag');

  const revoking = (await stack.as('dee')).services.grants.revokeGrants({ ids: [grantId], reason: 'enough' });
  const { ended, failed } = await revoking;
  expect(ended).toEqual([]);
  expect(failed[0]?.status?.message).toMatch(/did not answer|catching up/);
  expect(await reasonOf(submit(stack, 'ada'))).toMatch(/^(DATABASE_UNAVAILABLE|NOT_READY)$/);

  const late = await startDecisionService({
    databaseUrl: stack.database.decisionUrl,
    address: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    issuers: [stack.issuer.issuer],
    staleStandingMs: 60_000,
    logger: pino({ level: 'silent' }),
  });
  const lateReady = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${late.httpPort}/readyz`)).status;
  try {
    expect(await late.followed.follower.waitFor(1n, 1_000)).toBe(false);
    expect(await lateReady()).toBe(503);

    await stack.query('SELECT pg_promote()');
    await expect.poll(lateReady, patiently).toBe(200);
  } finally {
    await late.close();
  }
  await expect.poll(() => effectOf(stack), patiently).toBe(Effect.ALLOW);
});

async function effectOf(stack: Stack): Promise<Effect | string> {
  const ada = await stack.as('ada');
  const decision = await ada.authorize({
    principal: { type: 'User', id: 'ada' },
    action: 'read',
    resource: { type: 'Database', id: 'orders' },
  });
  if (decision.effect === 'error') return decision.error.reason ?? decision.error.code;
  return decision.effect === 'allow' ? Effect.ALLOW : Effect.DENY;
}
