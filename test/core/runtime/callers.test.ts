import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConfigError, type Environment, loadConfig } from '../../../core/runtime/config.ts';
import { oidcSettings } from '../../../core/runtime/oidc-settings.ts';
import { tlsSettings } from '../../../core/runtime/settings.ts';

const fragments = { oidc: oidcSettings, tls: tlsSettings };
const good = { CURFEW_OIDC_ISSUER: 'https://issuer.test', CURFEW_OIDC_JWKS: 'https://issuer.test/keys' };

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'curfew-callers-'));
});

afterAll(() => rm(folder, { recursive: true }));

function problemsOf(env: Environment) {
  try {
    loadConfig(fragments, env);
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

const one = '{"issuer":"one","jwks":"https://a.test"';
const two = '{"issuer":"two","jwks":"https://b.test"';
const user = '"entityType":"User"';
const pairs: readonly [string, string, string, RegExp | undefined][] = [
  ['any type and any type', '', '', /one and two may both name entities of any type: one could speak/],
  ['any type and one', '', `,${user}`, /both name entities of User/],
  ['one type twice', `,${user}`, `,${user}`, /both name entities of User.*"sharesEntitiesWith": \["one"\]/],
  ['types that differ', `,${user}`, ',"entityType":"Service"', undefined],
  ['a claim that may say any', `,${user}`, ',"typeClaim":"t"', /both name entities of User/],
  ['a claim that may say others', `,${user}`, ',"typeClaim":"t","entityTypes":["Service","Bot"]', undefined],
  [
    'a claim that may say the same',
    `,${user}`,
    ',"typeClaim":"t","entityTypes":["Bot","User"]',
    /entities of User/,
  ],
  ['the same callers, and it is said', `,${user}`, `,${user},"sharesEntitiesWith":["one"]`, undefined],
  ['the same callers, said by the first', ',"sharesEntitiesWith":["two"]', '', undefined],
  ['the same callers as another', `,${user}`, `,${user},"sharesEntitiesWith":["three"]`, /entities of User/],
  [
    'types without a claim',
    `,${user}`,
    ',"entityTypes":["Bot"]',
    /at \[1\.entityTypes\] of .*only beside typeClaim/,
  ],
];
test.each(pairs)('N6 two issuers that name %s', async (_case, first, second, problem) => {
  const path = await file('two-issuers.json', `[${one}${first}},${two}${second}}]`);
  const problems = problemsOf({ CURFEW_OIDC_ISSUERS_FILE: path });
  expect(problems.map((each) => each.problem)).toEqual(
    problem === undefined ? [] : [expect.stringMatching(problem)],
  );
});

test('D24 what certificates may call is read, needs an authority, and is refused when malformed', async () => {
  const path = await file('pem', '');
  const files = { CURFEW_TLS_CERT: path, CURFEW_TLS_KEY: path };
  const rules = { CURFEW_TLS_ALLOW: 'web/*=DecisionService' };
  const { tls } = loadConfig(fragments, { ...good, ...files, ...rules, CURFEW_TLS_CLIENT_CA: path });
  expect(tls.clientRules).toEqual([{ name: 'web/*', calls: ['DecisionService'] }]);
  expect(loadConfig(fragments, good).tls.clientRules).toBeUndefined();
  expect(problemsOf({ ...good, ...files, ...rules }).map(({ variable }) => variable)).toEqual([
    'CURFEW_TLS_CLIENT_CA',
  ]);
  const malformed = { CURFEW_TLS_CLIENT_CA: path, CURFEW_TLS_ALLOW: 'web' };
  expect(problemsOf({ ...good, ...files, ...malformed })).toEqual([
    { variable: 'CURFEW_TLS_ALLOW', problem: expect.stringMatching(/seen "web", wanted rules such as/) },
  ]);
});

test('a wait before closing that is too long is refused', () => {
  expect(problemsOf({ ...good, CURFEW_DRAIN: '1m' })).toEqual([
    { variable: 'CURFEW_DRAIN', problem: expect.stringMatching(/seen "1m", wanted whole seconds/) },
  ]);
});
