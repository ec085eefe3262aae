import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { AccessError } from '../../../core/access/access-error.ts';
import { fromDatabaseError, guarded } from '../../../core/store/database-error.ts';
import { sharedDatabase } from './database.ts';
import { tcpProxy } from './tcp-proxy.ts';

const shared = sharedDatabase();

test.for([
  ['40001', 'CONFLICT', 'a serialization failure'],
  ['40P01', 'CONFLICT', 'a deadlock'],
  ['55P03', 'CONFLICT', 'a lock that is not to be had'],
  ['57014', 'DATABASE_UNAVAILABLE', 'a statement that took too long'],
  ['57P01', 'DATABASE_UNAVAILABLE', 'a shutdown'],
  ['57P03', 'DATABASE_UNAVAILABLE', 'a server that starts up'],
  ['53300', 'DATABASE_UNAVAILABLE', 'too many connections'],
  ['53100', 'DATABASE_UNAVAILABLE', 'a full disk'],
  ['25006', 'DATABASE_UNAVAILABLE', 'a writer that became a standby'],
  ['25P03', 'DATABASE_UNAVAILABLE', 'a session that was idle for too long'],
  ['08006', 'DATABASE_UNAVAILABLE', 'a connection failure'],
] as const)('%s is %s: %s', async ([code, reason]) => {
  const raised = sql`DO ${sql.lit(`BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '${code}'; END`)}`.execute(
    shared().open('decision', { poolSize: 1 }),
  );
  const error = await raised.catch(fromDatabaseError);
  expect(error).toBeInstanceOf(AccessError);
  expect(error).toMatchObject({ reason, cause: { code } });
});

test('a broken constraint is our bug and comes back as it is', async () => {
  const error = await sql`INSERT INTO policy_sets VALUES ('x', '{}')`
    .execute(shared().open('grant'))
    .catch(fromDatabaseError);
  expect(error).not.toBeInstanceOf(AccessError);
  expect(error).toMatchObject({ constraint: 'policy_sets_digest' });
});

test('a statement that takes too long is told as a database that does not answer', async () => {
  const hasty = shared().open('decision', { statementTimeoutMs: 50 });
  await expect(guarded(() => sql`SELECT pg_sleep(60)`.execute(hasty))).rejects.toMatchObject({
    reason: 'DATABASE_UNAVAILABLE',
  });
});

test('a server that refuses, one that cannot be found and one that hangs up do not answer', async () => {
  const { open, urlOf } = shared();
  const hangingUp = await tcpProxy('postgres://127.0.0.1:1/none');
  const urls = [
    'postgres://x@127.0.0.1:1/none',
    'postgres://x@no-such-host.invalid/none',
    hangingUp.through(urlOf('decision')),
  ];
  for (const url of urls) {
    const away = open('decision', { url });
    await expect(guarded(() => sql`SELECT 1`.execute(away))).rejects.toMatchObject({
      reason: 'DATABASE_UNAVAILABLE',
    });
  }
});

test('L5 what the caller is told has neither SQL nor address nor name', async () => {
  const away = shared().open('grant', { url: 'postgres://secret-user@127.0.0.1:1/secret-name' });
  const error = await guarded(() => sql`SELECT 'secret'`.execute(away)).catch((it: unknown) => it);
  expect(error).toMatchObject({ message: 'the database did not answer; try again', metadata: {} });
});

test('what is no database error comes back as it is', () => {
  const own = new AccessError('NOT_PERMITTED', 'no');
  const bug = new TypeError('bug');
  expect(fromDatabaseError(own)).toBe(own);
  expect(fromDatabaseError(bug)).toBe(bug);
  expect(fromDatabaseError('text')).toBe('text');
});
