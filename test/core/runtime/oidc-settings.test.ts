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
import { oidcSettings } from '../../../core/runtime/oidc-settings.ts';

const good: Environment = {
  CURFEW_OIDC_ISSUER: 'https://issuer.test',
  CURFEW_OIDC_JWKS: 'https://issuer.test/keys',
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-issuers-'));
});
afterAll(() => rm(folder, { recursive: true }));

function problemsOf(env: Environment): readonly ConfigProblem[] {
  try {
    loadConfig({ oidc: oidcSettings }, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

describe('issuers', () => {
  test.each([
    'http://issuer.test/keys',
    'file:///etc/keys.json',
    'ftp://issuer.test/keys',
    'https://',
    '/nowhere/keys.json',
  ])('N3 keys at %s are refused', (jwks) => {
    const [problem, ...others] = problemsOf({ ...good, CURFEW_OIDC_JWKS: jwks });
    expect(others).toEqual([]);
    expect(problem?.variable).toBe('CURFEW_OIDC_JWKS');
    expect(problem?.problem).toContain(
      'wanted an https URL (or http on loopback), or the path of a JWKS file',
    );
  });

  test.each(['http://127.0.0.1:80/keys', 'http://[::1]/keys', 'http://localhost/keys'])(
    'keys at %s are good',
    (jwks) => {
      expect(problemsOf({ ...good, CURFEW_OIDC_JWKS: jwks })).toEqual([]);
    },
  );

  test('an issuer without keys, and keys without an issuer, name what is missing', () => {
    const { CURFEW_OIDC_JWKS: jwks, CURFEW_OIDC_ISSUER: issuer, ...rest } = good;
    expect(problemsOf({ ...rest, CURFEW_OIDC_ISSUER: issuer })[0]).toMatchObject({
      variable: 'CURFEW_OIDC_JWKS',
      problem: expect.stringContaining('missing'),
    });
    expect(problemsOf({ ...rest, CURFEW_OIDC_JWKS: jwks })[0]).toMatchObject({
      variable: 'CURFEW_OIDC_ISSUER',
      problem: expect.stringContaining('missing'),
    });
  });

  const files: readonly [string, string, RegExp][] = [
    ['no JSON', '[', /wanted a JSON array of issuers/],
    ['an object', '{}', /^seen an object at the top of .*expected array/],
    ['no issuer', '[]', /^seen an array of 0 at the top of .*>=1 items/],
    [
      'an unknown field',
      '[{"issuer":"dev","jwks":"https://a.test","audiense":"x"}]',
      /^seen an object at \[0\] of .*"audiense"$/,
    ],
    [
      'no keys',
      '[{"issuer":"dev"}]',
      /^seen nothing at \[0\.jwks\] of .*bad-issuers.json", wanted an https URL/,
    ],
    [
      'plain http',
      '[{"issuer":"dev","jwks":"http://me:hunter2@a.test/"}]',
      /^seen "http:\/\/me:\*\*\*@a\.test\/" at \[0\.jwks\] of .*, wanted an https URL/,
    ],
    [
      'an issuer that is there already',
      '[{"issuer":"https://issuer.test","jwks":"https://a.test"}]',
      /is there twice/,
    ],
  ];
  test.each(files)('an issuers file with %s is refused', async (_case, text, problem) => {
    const path = await file('bad-issuers.json', text);
    const problems = problemsOf({ ...good, CURFEW_OIDC_ISSUERS_FILE: path });
    expect(problems).toEqual([
      { variable: 'CURFEW_OIDC_ISSUERS_FILE', problem: expect.stringMatching(problem) },
    ]);
  });

  test('a file that cannot be read hides nothing else that is wrong', () => {
    const env = { ...good, CURFEW_OIDC_ISSUERS_FILE: '/nowhere/issuers.json', CURFEW_OIDC_JWKS: 'ftp://x' };
    expect(problemsOf(env)).toEqual([
      {
        variable: 'CURFEW_OIDC_ISSUERS_FILE',
        problem:
          'seen "/nowhere/issuers.json", wanted the path of a file that can be read: a JSON array of issuers',
      },
      {
        variable: 'CURFEW_OIDC_JWKS',
        problem: expect.stringContaining('seen "ftp://x", wanted an https URL'),
      },
    ]);
  });

  test('the password in a URL is in no message', () => {
    const [problem] = problemsOf({ ...good, CURFEW_OIDC_JWKS: 'http://me:hunter2@issuer.test/keys' });
    expect(problem?.problem).toMatch(/^seen "http:\/\/me:\*\*\*@issuer\.test\/keys", wanted/);
  });
});
