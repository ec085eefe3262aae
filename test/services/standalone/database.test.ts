import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, it } from 'vitest';
import { readConfig } from '../../../services/standalone/config.ts';
import { openDatabase } from '../../../services/standalone/database.ts';
import { openHome } from '../../../services/standalone/home.ts';

it.each([
  ['a user as a parameter', 'postgres://localhost/curfew?user=postgres'],
  ['a password as a parameter', 'postgres://postgres@localhost/curfew?password=ownersecret'],
  ['no host', 'postgres:///curfew?host=/var/run/postgresql'],
])('%s is refused, because services would run as the owner, and the URL is not shown', (_, url) => {
  const read = () => readConfig({ CURFEW_DATABASE_URL: url });
  expect(read).toThrow(/CURFEW_DATABASE_URL.*(before the host|with a host)/);
  expect(read).not.toThrow(/ownersecret|user=postgres|var\/run/);
});

it('services sign in as themselves with the URL of the owner', async () => {
  const url = 'postgres://postgres:ownersecret@localhost:5432/curfew?host=/var/run/postgresql';
  expect(readConfig({ CURFEW_DATABASE_URL: url }).database.url).toBe(url);
  const parent = await mkdtemp(join(tmpdir(), 'curfew-database-test-'));
  const database = await openDatabase(await openHome(join(parent, 'home')), url);
  for (const role of ['grant', 'decision', 'notify'] as const) {
    const client = new pg.Client({ connectionString: database.urlOf(role) });
    expect(client.user).toBe(`curfew_${role}`);
    expect(client.password).toBe(database.passwords[role]);
  }
  await rm(parent, { recursive: true });
});
