import { sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Database } from '../../../core/store/connect.ts';
import { migratedDatabase } from './database.ts';
import { tcpProxy } from './tcp-proxy.ts';
import { patiently } from './patiently.ts';

test('a connection lost between two statements of a transaction is told, and the next one works', async () => {
  const { open } = await migratedDatabase();
  const owner = open('owner');
  const lost = Promise.withResolvers<Error>();
  const grant = open('grant', { onConnectionLost: lost.resolve });
  const transaction = grant.transaction().execute(async (trx) => {
    const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(trx);
    await sql`SELECT pg_terminate_backend(${rows[0]?.pid})`.execute(owner);
    await lost.promise;
  });
  await expect(transaction).rejects.toThrow('not queryable');
  expect(await ask(grant)).toBe(1);
});

test('an idle connection that is lost is told once and replaced', async () => {
  const { open } = await migratedDatabase();
  const losses: Error[] = [];
  const grant = open('grant', { poolSize: 1, onConnectionLost: (error) => losses.push(error) });
  const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(grant);
  await sql`SELECT pg_terminate_backend(${rows[0]?.pid})`.execute(open('owner'));
  await expect.poll(() => losses.length, patiently).toBeGreaterThan(0);
  expect(await ask(grant)).toBe(1);
  expect(losses.map((error) => error.message)).toEqual([
    'terminating connection due to administrator command',
  ]);
});

test('a connection on which a statement went unanswered is not used again', async () => {
  const { open, urlOf } = await migratedDatabase();
  const proxy = await tcpProxy(urlOf('grant'));
  const grant = open('grant', { url: proxy.through(urlOf('grant')), poolSize: 1, statementTimeoutMs: 100 });
  expect(await ask(grant)).toBe(1);
  proxy.hang();
  await expect(ask(grant)).rejects.toThrow('Query read timeout');
  expect(await ask(grant)).toBe(1);
});

test('int8 is read exactly', async () => {
  const { open } = await migratedDatabase();
  const { rows } = await sql<{ most: bigint }>`SELECT 9223372036854775807 AS most`.execute(open('grant'));
  expect(rows).toEqual([{ most: 9223372036854775807n }]);
});

async function ask(database: Database): Promise<number | undefined> {
  const { rows } = await sql<{ one: number }>`SELECT 1 AS one`.execute(database);
  return rows[0]?.one;
}
