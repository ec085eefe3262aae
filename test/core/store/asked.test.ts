import { readdir, readFile } from 'node:fs/promises';
import { CompiledQuery, sql } from 'kysely';
import { expect, test } from 'vitest';
import { ensureRoles } from '../../../core/store/migrate.ts';
import { readGrant } from '../../../core/store/grants.ts';
import { ROLE_PASSWORDS } from '../../support/postgres.ts';
import { emptyDatabase } from './database.ts';

const FOLDER = new URL('../../../core/store/migrations/', import.meta.url);
const at = new Date('2026-01-02T03:04:05.678Z');
const later = new Date('2026-01-03T03:04:05.678Z');
const uid = (id: string) => ({ type: 'Action', id });

test('grants that live when the column is made know from then on what they were asked for', async () => {
  const { open } = await emptyDatabase();
  const owner = open('owner');
  await ensureRoles(owner, ROLE_PASSWORDS);
  const names = (await readdir(FOLDER)).toSorted();
  const column = names.findIndex((name) => name.startsWith('0008'));
  const run = async (name: string) =>
    await owner.executeQuery(CompiledQuery.raw(await readFile(new URL(name, FOLDER), 'utf8')));
  for (const name of names.slice(0, column)) await run(name);

  async function grantOf(startsAt: Date | null, actions: string, durationMs: number): Promise<string> {
    const id = crypto.randomUUID();
    await sql`
      INSERT INTO access_requests (id, requester, subject, state, reason, ticket, duration_ms, request_hash, created_at, expires_at,
        resolved_at, starts_at)
      VALUES (${id}, 'User::"ada"', 'User::"ada"', 'APPROVED', '', '', 60000, ${Buffer.alloc(32)}, ${at}, ${later}, ${at},
        ${startsAt})`.execute(owner);
    await sql`
      INSERT INTO request_items (request_id, item, resource, actions, workflow, state, expires_at, resolved_at, denied_because)
      VALUES (${id}, 0, 'Database::"d"', ${['Action::"a \\"b\\""', 'Action::"c"']}, '{}', 'APPROVED', ${later}, ${at}, '')`.execute(
      owner,
    );
    await sql`
      INSERT INTO grants (id, request_id, item, requester, subject, resource, actions, workflow, steps, reason, ticket, state,
        created_at, starts_at, expires_at, duration_ms, max_ms)
      VALUES (${id}, ${id}, 0, 'User::"ada"', 'User::"ada"', 'Database::"d"', ${actions}::text[], 'w', '{}', '', '', 'ACTIVE',
        ${at}, ${at}, ${new Date(at.getTime() + durationMs)}, ${durationMs}, 60000)`.execute(owner);
    return id;
  }
  const whole = '{"Action::\\"a \\\\\\"b\\\\\\"\\"","Action::\\"c\\""}';
  const ids = [
    await grantOf(null, whole, 60_000),
    await grantOf(null, '{"Action::\\"c\\""}', 60_000),
    await grantOf(at, whole, 30_000),
  ];
  for (const name of names.slice(column)) await run(name);
  const asked = await Promise.all(ids.map(async (id) => (await readGrant(owner, id))?.grant.asked));
  expect(asked).toEqual([
    undefined,
    { actions: [uid('a "b"'), uid('c')] },
    { durationMs: 60_000, startsAt: at },
  ]);
});
