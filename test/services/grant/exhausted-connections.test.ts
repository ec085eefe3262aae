import { sql } from 'kysely';
import pg from 'pg';
import { expect, it } from 'vitest';
import { CONNECTIONS } from '../../../services/grant/service.ts';
import { startOwnPostgres } from '../../support/own-postgres.ts';
import { onServer } from '../../support/postgres-server.ts';
import { createDatabaseOn } from '../../support/postgres.ts';
import { type Stack, startStack } from '../../support/stack.ts';
import { grantIdOf, reasonOf, submitted, vote } from './ask.ts';

const user = (id: string) => ({ type: 'User', id });

async function granted(stack: Stack): Promise<string> {
  return grantIdOf((await vote(stack, 'bob', await submitted(stack, 'ada'))).request);
}

/** Takes every connection of the grant service's main pool. @returns what gives them back */
async function exhaust(stack: Stack): Promise<() => Promise<void>> {
  const { database } = stack.grant.context;
  const release = Promise.withResolvers<void>();
  const taken = Array.from({ length: CONNECTIONS }, () => Promise.withResolvers<void>());
  const held = taken.map(({ resolve }) =>
    database.connection().execute(async (connection) => {
      await sql`SELECT 1`.execute(connection);
      resolve();
      await release.promise;
    }),
  );
  await Promise.all(taken.map(({ promise }) => promise));
  return async () => {
    release.resolve();
    await Promise.all(held);
  };
}

it('P8 while every other connection of the service is taken, grants are revoked, by id and by subject', {
  timeout: 120_000,
}, async () => {
  await using stack = await startStack();
  const [first, second] = [await granted(stack), await granted(stack)];
  const { grants } = (await stack.as('dee')).services;
  const giveBack = await exhaust(stack);
  const reading = reasonOf(grants.getGrant({ id: first }));
  const byId = await grants.revokeGrants({ ids: [first], reason: 'enough' });
  const bySubject = await grants.revokeGrants({ subject: user('ada'), reason: 'enough' });
  expect([...byId.ended, ...bySubject.ended].map(({ id }) => id)).toEqual([first, second]);
  expect(await reading).toBe('DATABASE_UNAVAILABLE');
  await giveBack();
});

it('P8 when the database takes no more connections of the service, grants are revoked', {
  timeout: 120_000,
}, async () => {
  await using server = await startOwnPostgres();
  await using stack = await startStack({ database: await createDatabaseOn(server.url) });
  const { grants } = (await stack.as('dee')).services;
  const id = await granted(stack);
  const sessions = async (): Promise<Record<string, number>> => {
    const rows = await stack.query<{ name: string; n: number }>(
      `SELECT application_name AS name, count(*)::int AS n FROM pg_stat_activity WHERE usename = 'curfew_grant' GROUP BY 1`,
    );
    return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
  };
  await expect.poll(async () => (await sessions())['curfew-grant-revoke'], { timeout: 60_000 }).toBe(2);
  // Its other sessions end, and none may take their place: others of its role have taken all there are.
  await onServer(server.url, 'ALTER ROLE curfew_grant CONNECTION LIMIT 1');
  await stack.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'curfew-grant'`,
  );
  const another = new pg.Client({ connectionString: stack.database.grantUrl });
  await expect(another.connect()).rejects.toMatchObject({ code: '53300' });
  expect(await reasonOf(grants.getGrant({ id }))).toBe('DATABASE_UNAVAILABLE');
  const { ended } = await grants.revokeGrants({ ids: [id], reason: 'enough' });
  expect(ended.map((grant) => grant.id)).toEqual([id]);
});
