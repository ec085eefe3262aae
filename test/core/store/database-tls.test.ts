import { chown, copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { withDatabaseTls } from '../../../core/runtime/database-url.ts';
import { connect } from '../../../core/store/connect.ts';
import { listenForAppends } from '../../../core/store/doorbell.ts';
import { createTestAuthority, readCertificate, type TestAuthority } from '../rpc/test-certificates.ts';
import { type OwnPostgres, startOwnPostgres } from '../../support/own-postgres.ts';
import { onServer } from '../../support/postgres-server.ts';
import { patiently } from './patiently.ts';
import { startImpostor } from './tls-impostor.ts';

let server: OwnPostgres;
let authority: TestAuthority;
let other: TestAuthority;

beforeAll(async () => {
  [authority, other] = await Promise.all([createTestAuthority(), createTestAuthority()]);
  server = await startOwnPostgres();
  await turnTlsOn('DNS:localhost,IP:127.0.0.1');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await Promise.all([authority.remove(), other.remove()]);
});

/** Gives the server a certificate of the right authority. */
async function turnTlsOn(names: string): Promise<void> {
  const { certPath, keyPath } = await authority.issue('server', names);
  const data = join(server.directory, 'data');
  const { uid, gid } = await stat(data);
  for (const [from, name] of [
    [certPath, 'server.crt'],
    [keyPath, 'server.key'],
  ] as const) {
    await copyFile(from, join(data, name));
    await chown(join(data, name), uid, gid);
  }
  await onServer(server.url, 'ALTER SYSTEM SET ssl = on');
  await onServer(server.url, 'SELECT pg_reload_conf()');
  await vi.waitUntil(() => connects(urlTo({})).catch(() => false), { timeout: 60_000 });
}

interface Way {
  readonly host?: string;
  readonly port?: number;
  readonly caPath?: string;
}

/** The server's URL as a configuration with an authority makes it. */
function urlTo({ host = 'localhost', port, caPath = authority.caPath }: Way): string {
  const url = new URL(server.url);
  url.hostname = host;
  if (port !== undefined) url.port = String(port);
  return withDatabaseTls(url.href, { caPath });
}

/** Whether a session is encrypted. @throws when there is none */
async function connects(url: string): Promise<boolean> {
  const database = connect({
    url,
    name: 'tls-test',
    poolSize: 1,
    statementTimeoutMs: 10_000,
    onConnectionLost: () => undefined,
  });
  try {
    const { rows } = await sql<{
      ssl: boolean;
    }>`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`.execute(database);
    return rows[0]?.ssl === true;
  } finally {
    await database.destroy();
  }
}

test.for(['localhost', '127.0.0.1'])(
  'P11 a database at %s whose certificate the authority signed is connected to, encrypted',
  async (host) => {
    expect(await connects(urlTo({ host }))).toBe(true);
  },
);

test('P11 the bell is heard over verified TLS', async () => {
  let rings = 0;
  const bell = listenForAppends(urlTo({}), () => (rings += 1));
  onTestFinished(() => bell.close());
  await expect.poll(() => rings, patiently).toBe(1);
});

test('P11 a database whose certificate another authority signed is refused', async () => {
  await expect(connects(urlTo({ caPath: other.caPath }))).rejects.toThrow(/certificate|issuer/);
});

interface Interception {
  readonly name: string;
  readonly by: () => TestAuthority;
  readonly names: string;
  readonly host?: string;
  readonly refusal: RegExp;
}

test.for<Interception>([
  {
    name: 'signed by another authority',
    by: () => other,
    names: 'DNS:localhost,IP:127.0.0.1',
    refusal: /certificate|issuer/,
  },
  {
    name: 'of the right authority for another host',
    by: () => authority,
    names: 'DNS:db.acme.test',
    refusal: /does not match certificate/,
  },
  {
    name: 'of the right authority for localhost where an address is asked for',
    by: () => authority,
    names: 'DNS:localhost',
    host: '127.0.0.1',
    refusal: /does not match certificate/,
  },
])('P11 somebody in between with a certificate $name hears nothing', async (way) => {
  const files = await way.by().issue('impostor', way.names);
  const impostor = await startImpostor({ pair: await readCertificate(files), target: new URL(server.url) });
  const url = urlTo({ port: impostor.port, ...(way.host === undefined ? {} : { host: way.host }) });
  // What pg takes from a URL for "do not verify", should one ever come past the configuration.
  const tricks = ['sslmode=no-verify', 'ssl=no-verify', 'uselibpqcompat=true&sslmode=require', 'ssl=true'];
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  onTestFinished(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  });
  await expect(connects(url)).rejects.toThrow(way.refusal);
  for (const trick of tricks) await expect(connects(`${url}&${trick}`)).rejects.toThrow(way.refusal);
  expect(impostor.heard()).toBe('');
  expect(impostor.visits()).toBe(tricks.length + 1);
});

test('P11 somebody in between who says that the database knows no TLS hears nothing', async () => {
  const impostor = await startImpostor({ target: new URL(server.url) });
  await expect(connects(urlTo({ port: impostor.port }))).rejects.toThrow('does not support SSL');
  expect(impostor.visits()).toBe(1);
  expect(impostor.heard()).toBe('');
});

test('P11 a URL cannot take the timeouts away', async () => {
  const url = `${urlTo({})}&statement_timeout=0&query_timeout=0&lock_timeout=0&idle_in_transaction_session_timeout=0`;
  const database = connect({
    url,
    name: 'tls-test',
    poolSize: 1,
    statementTimeoutMs: 10_000,
    onConnectionLost: () => undefined,
  });
  onTestFinished(() => database.destroy());
  const { rows } = await sql`
    SELECT name, setting FROM pg_settings
    WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') ORDER BY name`.execute(
    database,
  );
  expect(rows).toEqual([
    { name: 'idle_in_transaction_session_timeout', setting: '5000' },
    { name: 'lock_timeout', setting: '2000' },
    { name: 'statement_timeout', setting: '10000' },
  ]);
});
