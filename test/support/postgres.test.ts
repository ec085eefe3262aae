import pg from 'pg';
import { expect, test } from 'vitest';
import { createDatabase, createEmptyDatabase, type TestDatabase } from './postgres.ts';

async function ask(url: string, statement: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: statement, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

const existing = (database: TestDatabase): string =>
  `SELECT count(*)::int FROM pg_database WHERE datname = '${database.name}'`;

test('a test database has the schema and lets every service role in', async () => {
  await using database = await createDatabase();
  const signedIn = 'SELECT current_user::text, revision::int FROM ledger_head';
  expect(await ask(database.grantUrl, signedIn)).toEqual(['curfew_grant', 0]);
  expect(await ask(database.decisionUrl, signedIn)).toEqual(['curfew_decision', 0]);
  expect(await ask(database.notifyUrl, signedIn)).toEqual(['curfew_notify', 0]);
});

test('what one test database holds is not in another', async () => {
  await using one = await createDatabase();
  await using other = await createDatabase();
  await ask(one.ownerUrl, 'UPDATE ledger_head SET revision = 7');
  expect(await ask(other.ownerUrl, 'SELECT revision::int FROM ledger_head')).toEqual([0]);
});

test('an empty database has no tables of ours', async () => {
  await using database = await createEmptyDatabase();
  expect(await ask(database.ownerUrl, "SELECT to_regclass('ledger_head')::text")).toEqual([null]);
});

test('a test database is gone after its scope, connections and all', async () => {
  await using witness = await createEmptyDatabase();
  const database = await createDatabase();
  const client = new pg.Client({ connectionString: database.ownerUrl });
  const broken = new Promise((resolve) => client.on('error', resolve));
  await client.connect();
  await database.drop();
  expect(await broken).toBeInstanceOf(Error);
  expect(await ask(witness.ownerUrl, existing(database))).toEqual([0]);
});
