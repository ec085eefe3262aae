import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ConfigError,
  type ConfigProblem,
  type Environment,
  loadConfig,
} from '../../../core/runtime/config.ts';
import { databaseSettings, ownerDatabaseSettings } from '../../../core/runtime/database-settings.ts';
import { oidcSettings } from '../../../core/runtime/oidc-settings.ts';
import { decisionListenSettings, grantListenSettings, tlsSettings } from '../../../core/runtime/settings.ts';

const fragments = {
  database: databaseSettings,
  listen: grantListenSettings,
  oidc: oidcSettings,
  tls: tlsSettings,
};

let folder: string;
let good: Environment;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-config-'));
  await writeFile(join(folder, 'jwks.json'), '{"keys":[]}');
  await writeFile(join(folder, 'url'), 'postgres://grant:hunter2@127.0.0.1/curfew\n');
  good = {
    CURFEW_DATABASE_URL: 'postgres://grant:hunter2@127.0.0.1:5432/curfew',
    CURFEW_OIDC_ISSUER: 'https://issuer.test',
    CURFEW_OIDC_JWKS: 'https://issuer.test/keys',
    PATH: '/usr/bin',
    HOME: undefined,
  };
});

afterAll(() => rm(folder, { recursive: true }));

function problemsOf(env: Environment): readonly ConfigProblem[] {
  try {
    loadConfig(fragments, env);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems;
    }
    throw error;
  }
  return [];
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('good configuration', () => {
  test('what is not said has its default', () => {
    expect(loadConfig({ ...fragments, decision: decisionListenSettings }, good)).toEqual({
      database: { url: 'postgres://grant:hunter2@127.0.0.1:5432/curfew' },
      decision: { address: '127.0.0.1:2200', httpAddress: '127.0.0.1:2210' },
      listen: { address: '127.0.0.1:2201', httpAddress: '127.0.0.1:2211' },
      oidc: {
        issuers: [
          {
            issuer: 'https://issuer.test',
            audience: 'curfew',
            claim: 'sub',
            keys: { kind: 'url', url: new URL('https://issuer.test/keys') },
          },
        ],
      },
      tls: { files: undefined, clientPrefix: '' },
    });
  });

  test('every variable of an issuer is taken', () => {
    const { oidc } = loadConfig(fragments, {
      ...good,
      CURFEW_OIDC_AUDIENCE: 'access',
      CURFEW_OIDC_CLAIM: 'email',
      CURFEW_OIDC_TYPE_CLAIM: 'kind',
      CURFEW_OIDC_ENTITY_TYPE: 'User',
      CURFEW_OIDC_JWKS: join(folder, 'jwks.json'),
    });
    expect(oidc.issuers).toEqual([
      {
        issuer: 'https://issuer.test',
        audience: 'access',
        claim: 'email',
        typeClaim: 'kind',
        entityType: 'User',
        keys: { kind: 'file', path: join(folder, 'jwks.json') },
      },
    ]);
  });

  test('more issuers come from a file', async () => {
    const more = [{ issuer: 'dev', jwks: 'http://127.0.0.1:2299/keys', entityType: 'User' }];
    const path = await file('issuers.json', JSON.stringify(more));
    const types = { CURFEW_OIDC_ENTITY_TYPE: 'Service', CURFEW_OIDC_ISSUERS_FILE: path };
    const { oidc } = loadConfig(fragments, { ...good, ...types });
    expect(oidc.issuers.map(({ issuer, audience }) => [issuer, audience])).toEqual([
      ['https://issuer.test', 'curfew'],
      ['dev', 'curfew'],
    ]);
  });

  test('a secret may come from a file', () => {
    const { CURFEW_DATABASE_URL: _, ...rest } = good;
    const { database } = loadConfig(fragments, { ...rest, CURFEW_DATABASE_URL_FILE: join(folder, 'url') });
    expect(database.url).toBe('postgres://grant:hunter2@127.0.0.1/curfew');
  });

  test('an empty variable counts as unset', () => {
    const { listen } = loadConfig(fragments, { ...good, CURFEW_GRANT_LISTEN: '', CURFEW_LOG_LEVEL: '' });
    expect(listen.address).toBe('127.0.0.1:2201');
  });

  test('variables of other Curfew processes and of tests are let be', () => {
    const others = {
      CURFEW_TOKEN: 'x',
      CURFEW_POLICIES: 'policies',
      CURFEW_TEST_ANYTHING: '1',
      OTHER_CURFEW: '1',
    };
    expect(problemsOf({ ...good, ...others })).toEqual([]);
  });
});

describe('wrong configuration', () => {
  test('everything wrong is said at once, each with the value seen and the value wanted', () => {
    const problems = problemsOf({
      CURFEW_DATABASE_URL: 'mysql://root:hunter2@db/curfew',
      CURFEW_GRANT_LISTEN: 'everywhere',
      CURFEW_LOG_LEVEL: 'loud',
      CURFEW_OIDC_ISUER: 'https://issuer.test',
    });
    expect(problems).toEqual([
      { variable: 'CURFEW_OIDC_ISUER', problem: 'unknown variable; did you mean CURFEW_OIDC_ISSUER?' },
      {
        variable: 'CURFEW_DATABASE_URL',
        problem:
          'seen (a secret, not shown), wanted a URL such as postgres://user:password@host:5432/curfew?sslmode=verify-full',
      },
      {
        variable: 'CURFEW_GRANT_LISTEN',
        problem:
          'seen "everywhere", wanted an address such as 127.0.0.1:2200 or [::1]:2200; port 0 is any free one',
      },
      {
        variable: 'CURFEW_OIDC_ISSUER',
        problem: 'missing, wanted the issuer of tokens; without it or CURFEW_TLS_CLIENT_CA nobody could call',
      },
      {
        variable: 'CURFEW_LOG_LEVEL',
        problem: 'seen "loud", wanted one of trace, debug, info, warn, error, fatal, silent',
      },
    ]);
  });

  test('a secret is in no message', () => {
    const error = new ConfigError(problemsOf({ CURFEW_DATABASE_URL: 'hunter2' }));
    expect(error.message).not.toContain('hunter2');
    expect(error.message).toContain('CURFEW_DATABASE_URL: seen (a secret, not shown)');
  });

  test('what is missing is said to be missing', () => {
    expect(problemsOf({}).map(({ variable, problem }) => `${variable} ${problem.split(',')[0]}`)).toEqual([
      'CURFEW_DATABASE_URL missing',
      'CURFEW_OIDC_ISSUER missing',
    ]);
    expect(() => loadConfig({ owner: ownerDatabaseSettings }, {})).toThrow(
      /CURFEW_OWNER_DATABASE_URL: missing/,
    );
  });

  test('a name that is like none of ours has no guess', () => {
    expect(problemsOf({ ...good, CURFEW_FROBNICATE: '1' })).toEqual([
      { variable: 'CURFEW_FROBNICATE', problem: 'unknown variable; unset it' },
    ]);
  });

  test('a secret and its file exclude each other, and the file must be there', () => {
    const both = problemsOf({ ...good, CURFEW_DATABASE_URL_FILE: join(folder, 'url') });
    expect(both).toEqual([
      {
        variable: 'CURFEW_DATABASE_URL_FILE',
        problem: `seen ${JSON.stringify(join(folder, 'url'))} while CURFEW_DATABASE_URL is set too, wanted one of the two`,
      },
    ]);
    const { CURFEW_DATABASE_URL: _, ...rest } = good;
    const [missing] = problemsOf({ ...rest, CURFEW_DATABASE_URL_FILE: '/nowhere' });
    expect(missing?.variable).toBe('CURFEW_DATABASE_URL_FILE');
    expect(missing?.problem).toContain('wanted a readable file');
  });
});

describe('TLS', () => {
  test('certificate and key belong together, and a client CA needs them', async () => {
    const path = await file('some.pem', 'PEM');
    expect(problemsOf({ ...good, CURFEW_TLS_CERT: path }).map(({ variable }) => variable)).toEqual([
      'CURFEW_TLS_KEY',
    ]);
    expect(problemsOf({ ...good, CURFEW_TLS_KEY: path }).map(({ variable }) => variable)).toEqual([
      'CURFEW_TLS_CERT',
    ]);
    expect(problemsOf({ ...good, CURFEW_TLS_CLIENT_CA: path }).map(({ variable }) => variable)).toEqual([
      'CURFEW_TLS_CERT',
    ]);
    const all = { ...good, CURFEW_TLS_CERT: path, CURFEW_TLS_KEY: path, CURFEW_TLS_CLIENT_CA: path };
    expect(loadConfig(fragments, all).tls.files).toEqual({
      certPath: path,
      keyPath: path,
      clientCaPath: path,
    });
  });

  test('a file that cannot be read is named', () => {
    const [problem] = problemsOf({ ...good, CURFEW_TLS_CERT: '/nowhere/cert.pem' });
    expect(problem).toEqual({
      variable: 'CURFEW_TLS_CERT',
      problem:
        'seen "/nowhere/cert.pem", wanted the path of a file that can be read: a PEM certificate chain',
    });
  });

  test('with a client CA no issuer is needed', async () => {
    const path = await file('some.pem', 'PEM');
    const files = { CURFEW_TLS_CERT: path, CURFEW_TLS_KEY: path, CURFEW_TLS_CLIENT_CA: path };
    expect(problemsOf({ CURFEW_DATABASE_URL: 'postgres://u@127.0.0.1/curfew', ...files })).toEqual([]);
  });
});
