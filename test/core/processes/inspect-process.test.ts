import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inspectProcess, type ProcessName, processNames } from '../../../core/processes/inspect-process.ts';
import { ConfigError, type Environment } from '../../../core/runtime/config.ts';
import { unknownVariable } from '../../../core/runtime/variables.ts';
import { readConfig as readDecision } from '../../../services/decision/config.ts';
import { readConfig as readGrant } from '../../../services/grant/config.ts';
import { readConfig as readMigrate } from '../../../services/migrate/config.ts';
import { readConfig as readStandalone } from '../../../services/standalone/config.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-processes-'));
  await writeFile(join(folder, 'bad-url'), 'mysql://root:hunter2@db/curfew\n');
  await writeFile(join(folder, 'good-url'), 'postgres://curfew_grant:hunter2@127.0.0.1:5432/curfew\n');
  await writeFile(join(folder, 'short'), 'hunter2\n');
});
afterAll(() => rm(folder, { recursive: true }));

const readers: Readonly<Record<ProcessName, (env: Environment) => unknown>> = {
  grant: readGrant,
  decision: readDecision,
  migrate: readMigrate,
  standalone: readStandalone,
};

/** What the process itself would refuse to start with, as `VARIABLE: problem`. */
function refusals(name: ProcessName, env: Environment): readonly string[] {
  try {
    readers[name](env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(inspectProcess(name, env).problems).toEqual(error.problems);
    return error.problems.map(({ variable, problem }) => `${variable}: ${problem}`).toSorted();
  }
  expect(inspectProcess(name, env).problems).toEqual([]);
  return [];
}

const address = 'an address such as 127.0.0.1:2200 or [::1]:2200; port 0 is any free one';
const loopback = 'a loopback address such as 127.0.0.1:2210';
const databaseUrl = 'a URL such as postgres://user:password@host:5432/curfew?sslmode=verify-full';
const jwks = 'an https URL (or http on loopback), or the path of a JWKS file that can be read';
const password = 'a password of at least 16 characters';
const logLevel =
  'CURFEW_LOG_LEVEL: seen "loud", wanted one of trace, debug, info, warn, error, fatal, silent';

describe('every wrong and missing variable is said at once, with the value seen, where it was seen, and the value wanted', () => {
  test('by the grant service', () => {
    const env = {
      CURFEW_DATABASE_URL_FILE: join(folder, 'bad-url'),
      CURFEW_GRANT_LISTEN: '0.0.0.0:2201',
      CURFEW_GRANT_HTTP_LISTEN: '0.0.0.0:2211',
      CURFEW_POLICIES: join(folder, 'short'),
      CURFEW_OIDC_ISSUER: 'https://issuer.test',
      CURFEW_TLS_KEY: '/nowhere/key.pem',
      CURFEW_LOG_LEVEL: 'loud',
      CURFEW_POLICYS: 'x',
    };
    expect(refusals('grant', env)).toEqual(
      [
        'CURFEW_POLICYS: unknown variable; did you mean CURFEW_POLICIES?',
        `CURFEW_DATABASE_URL: seen (a secret, not shown) in "${join(folder, 'bad-url')}", the file of CURFEW_DATABASE_URL_FILE, wanted ${databaseUrl}`,
        `CURFEW_POLICIES: seen "${join(folder, 'short')}", wanted the path of the policies, a folder that can be read`,
        'CURFEW_GRANT_LISTEN: seen "0.0.0.0:2201", wanted a loopback address such as 127.0.0.1:2200 without TLS, or CURFEW_TLS_CERT and CURFEW_TLS_KEY too',
        `CURFEW_GRANT_HTTP_LISTEN: seen "0.0.0.0:2211", wanted ${loopback}`,
        `CURFEW_OIDC_JWKS: missing, wanted ${jwks}`,
        'CURFEW_TLS_KEY: seen "/nowhere/key.pem", wanted the path of a file that can be read: the PEM key of CURFEW_TLS_CERT',
        'CURFEW_TLS_CERT: missing, wanted a PEM certificate chain, because another CURFEW_TLS_ variable is set',
        logLevel,
      ].toSorted(),
    );
  });

  test('by the decision service', () => {
    const env = {
      CURFEW_DECISION_LISTEN: 'everywhere',
      CURFEW_DECISION_HTTP_LISTEN: 'nowhere',
      CURFEW_STALE_STANDING: 'never',
      CURFEW_OIDC_AUDIENCE: 'curfew',
      CURFEW_TLS_CERT: '/nowhere/cert.pem',
      CURFEW_LOG_LEVEL: 'loud',
    };
    expect(refusals('decision', env)).toEqual(
      [
        `CURFEW_DATABASE_URL: missing, wanted ${databaseUrl}; CURFEW_DATABASE_URL_FILE may name a file with it`,
        `CURFEW_DECISION_LISTEN: seen "everywhere", wanted ${address}`,
        `CURFEW_DECISION_HTTP_LISTEN: seen "nowhere", wanted ${loopback}`,
        'CURFEW_STALE_STANDING: seen "never", wanted whole seconds or a Cedar duration, from 0 (never) to 24h, such as 60s',
        'CURFEW_OIDC_ISSUER: missing, wanted a name of 1 to 256 characters',
        `CURFEW_OIDC_JWKS: missing, wanted ${jwks}`,
        'CURFEW_TLS_CERT: seen "/nowhere/cert.pem", wanted the path of a file that can be read: a PEM certificate chain',
        'CURFEW_TLS_KEY: missing, wanted the PEM key of CURFEW_TLS_CERT',
        logLevel,
      ].toSorted(),
    );
  });

  test('by migrate', () => {
    const env = {
      CURFEW_OWNER_DATABASE_URL: 'postgres://owner:hunter2@db.test/curfew',
      CURFEW_GRANT_ROLE_PASSWORD: 'hunter2',
      CURFEW_DECISION_ROLE_PASSWORD_FILE: join(folder, 'short'),
      CURFEW_NOTIFY_ROLE_PASSWORD_FILE: '/nowhere/password',
      CURFEW_LOG_LEVEL: 'loud',
    };
    expect(refusals('migrate', env)).toEqual(
      [
        `CURFEW_NOTIFY_ROLE_PASSWORD_FILE: seen "/nowhere/password", wanted a readable file (ENOENT: no such file or directory, open '/nowhere/password')`,
        'CURFEW_OWNER_DATABASE_URL: seen (a secret, not shown), wanted sslmode=verify-full in the URL, because the host is not this machine; or CURFEW_DATABASE_CLEARTEXT=1, where nobody else can listen or answer on the network between',
        `CURFEW_GRANT_ROLE_PASSWORD: seen (a secret, not shown), wanted ${password}`,
        `CURFEW_DECISION_ROLE_PASSWORD: seen (a secret, not shown) in "${join(folder, 'short')}", the file of CURFEW_DECISION_ROLE_PASSWORD_FILE, wanted ${password}`,
        logLevel,
      ].toSorted(),
    );
    expect(refusals('migrate', {})).toHaveLength(4);
  });

  test('by npm start', () => {
    const env = {
      CURFEW_DATABASE_URL: 'postgres:///curfew?host=/var/run/postgresql',
      CURFEW_POLICIES: '/nowhere',
      CURFEW_DECISION_LISTEN: 'here',
      CURFEW_GRANT_HTTP_LISTEN: 'there',
      CURFEW_LOG_LEVEL: 'loud',
    };
    expect(refusals('standalone', env)).toEqual(
      [
        'CURFEW_POLICIES: seen "/nowhere", wanted the path of the policies, a folder that can be read',
        'CURFEW_DATABASE_URL: seen (a secret, not shown), wanted a URL with a host, such as postgres://user:password@localhost/curfew',
        `CURFEW_DECISION_LISTEN: seen "here", wanted ${address}`,
        `CURFEW_GRANT_HTTP_LISTEN: seen "there", wanted ${loopback}`,
        logLevel,
      ].toSorted(),
    );
  });
});

describe('what would be in force', () => {
  test('each variable has its value, where it is from, and what it means; of secrets nothing is shown but the rest of a URL', () => {
    const { settings, problems } = inspectProcess('grant', {
      CURFEW_DATABASE_URL_FILE: join(folder, 'good-url'),
      CURFEW_OIDC_ISSUER: 'https://issuer.test',
      CURFEW_OIDC_JWKS: 'https://me:hunter2@issuer.test/keys',
    });
    expect(problems).toEqual([]);
    const of = (variable: string) => settings.find((setting) => setting.variable === variable);
    expect(of('CURFEW_DATABASE_URL')).toEqual({
      variable: 'CURFEW_DATABASE_URL',
      value: 'postgres://curfew_grant:***@127.0.0.1:5432/curfew',
      from: 'file',
      file: join(folder, 'good-url'),
      meaning: "signs in as the service's role; one that may change the ledger or create tables is refused",
    });
    expect(of('CURFEW_OIDC_JWKS')).toMatchObject({
      value: 'https://me:***@issuer.test/keys',
      from: 'environment',
    });
    expect(of('CURFEW_GRANT_LISTEN')).toMatchObject({ value: '127.0.0.1:2201', from: 'default' });
    expect(of('CURFEW_OIDC_AUDIENCE')).toMatchObject({ value: 'curfew', from: 'default' });
    expect(of('CURFEW_POLICIES')).toMatchObject({ value: undefined, from: 'unset' });
    expect(JSON.stringify(settings)).not.toContain('hunter2');
  });

  test.each([
    [
      'postgres://u:hunter2@127.0.0.1/curfew?sslmode=disable',
      'postgres://u:***@127.0.0.1/curfew?sslmode=disable',
    ],
    ['postgres://u@127.0.0.1/curfew?password=hunter2', 'postgres://u@127.0.0.1/curfew?password=***'],
    ['postgres://u:1/hunter2@127.0.0.1/curfew', '(a secret, not shown)'],
    ['postgres://u:1#hunter2@127.0.0.1/curfew', '(a secret, not shown)'],
    ['hunter2', '(a secret, not shown)'],
  ])('of the URL %s only %s is shown', (url, shown) => {
    const { settings } = inspectProcess('decision', { CURFEW_DATABASE_URL: url });
    expect(settings[0]).toMatchObject({ variable: 'CURFEW_DATABASE_URL', value: shown });
  });

  test('of a password nothing is shown', () => {
    const { settings } = inspectProcess('migrate', { CURFEW_GRANT_ROLE_PASSWORD: 'correct:horse//battery' });
    expect(settings.find(({ variable }) => variable === 'CURFEW_GRANT_ROLE_PASSWORD')).toMatchObject({
      value: '(a secret, not shown)',
      from: 'environment',
    });
  });

  test.each(processNames)('every variable of %s has a meaning and is a known one', (name) => {
    for (const { variable, meaning } of inspectProcess(name, {}).settings) {
      expect([variable, meaning]).toEqual([variable, expect.stringMatching(/^\S.+[^.\s]$/)]);
      expect(unknownVariable(variable)).toBeUndefined();
    }
  });
});
