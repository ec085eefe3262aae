import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ConfigError, loadConfig } from '../../../core/runtime/config.ts';
import { databaseSettings } from '../../../core/runtime/database-settings.ts';

const remote = 'postgres://grant:hunter2@db.acme.test/curfew';

function urlOf(env: Readonly<Record<string, string>>): string {
  return loadConfig({ database: databaseSettings }, env).database.url;
}

test('P11 the authority of the database is taken, and turns verified TLS on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'curfew-settings-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const caPath = join(folder, 'ca.pem');
  await writeFile(caPath, '');
  const { searchParams } = new URL(urlOf({ CURFEW_DATABASE_URL: remote, CURFEW_DATABASE_CA: caPath }));
  expect(searchParams.get('sslrootcert')).toBe(caPath);
  expect(searchParams.get('sslmode')).toBe('verify-full');
});

test('P11 another machine is reached without TLS only where that is said', () => {
  expect(() => urlOf({ CURFEW_DATABASE_URL: remote })).toThrow(ConfigError);
  expect(urlOf({ CURFEW_DATABASE_URL: remote, CURFEW_DATABASE_CLEARTEXT: '1' })).toBe(remote);
});

test('P11 an authority that cannot be read and a permission that is none are refused by name', () => {
  const wrong = {
    CURFEW_DATABASE_URL: remote,
    CURFEW_DATABASE_CA: '/nowhere',
    CURFEW_DATABASE_CLEARTEXT: 'yes',
  };
  expect(() => urlOf(wrong)).toThrow(
    /CURFEW_DATABASE_CA: seen "\/nowhere".*CURFEW_DATABASE_CLEARTEXT: seen "yes"/,
  );
});
